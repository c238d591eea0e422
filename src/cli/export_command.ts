// export_command: writes a finished run in a format that other programs read.
import type { ExportFormat } from "../../mod.ts";
import type { Outcome, Session } from "./session.ts";

/** The flags of `export`. */
export interface ExportFlags {
  /** What to write. */
  format: ExportFormat;
  /** Where to. */
  out: string;
}

/** Exports the distilled images of the run in `dir`; needs no device. */
export async function exportCommand(
  { retort }: Session,
  dir: string,
  { format, out }: ExportFlags,
): Promise<Outcome> {
  const files = await retort.exportArtifact(dir, format, out);
  const many = files.length === 1 ? "" : ` (${files.length} files)`;
  return {
    values: { format, out, files },
    lines: [`Exported ${dir} as ${format} to ${out}${many}`],
  };
}
