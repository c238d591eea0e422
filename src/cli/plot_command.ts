// plot_command: draws finished runs as SVG.
import { loadDataset, type Outcome, type Session, sourceOf } from "./session.ts";

/** The flags of `plot`. */
export interface PlotFlags {
  /** Folder of the pictures. */
  out: string;
  /** Architectures whose decision regions are drawn: names, or layers. */
  arch?: unknown[];
  /** Networks that vote in each panel. */
  networks?: number;
  /** Folder of the data sets. */
  dataDir?: string;
}

/** Draws runs of equal settings: their rates, and of the first its points and decision regions. */
export async function plotCommand(
  session: Session,
  dirs: readonly string[],
  { out, arch, networks, dataDir }: PlotFlags,
): Promise<Outcome> {
  const { retort } = session;
  const archs = arch?.map((each) => retort.parseArch(each, "--arch"));
  const dataset = await loadDataset(session, await sourceOf(session, dirs[0]!), { dataDir });
  using device = await retort.openDevice();
  const onProgress = (line: string) => session.quiet || session.note(line);
  const files = await retort.plot(device, dirs, dataset, { out, archs, networks, onProgress });
  return { values: { files }, lines: files.map((path) => `Picture ${path}`) };
}
