// baselines_command: what real images reach where distilled ones are used, as one table.
import type { Baseline, BaselineName } from "../../mod.ts";
import { exitOnInterrupt } from "./interrupt.ts";
import {
  describeAccuracy,
  describeDuration,
  expectNoFolder,
  loadDataset,
  table,
} from "./session.ts";
import type { Outcome, Session } from "./session.ts";

/** The flags of `baselines`. */
export interface BaselinesFlags {
  /** Name or file of the recipe. */
  recipe: string;
  /** Settings given with --set. */
  set?: Record<string, unknown>;
  /** Held-out networks. */
  networks?: number;
  /** Baselines to measure. */
  only?: BaselineName[];
  /** Folder of a run to compare with. */
  artifact?: string;
  /** File for the results as JSON. */
  out?: string;
  /** Folder of the data sets. */
  dataDir?: string;
}

const TITLES: Readonly<Record<BaselineName, string>> = {
  "distilled": "distilled images",
  "random": "random real images",
  "optimised": "optimised real images",
  "kmeans": "k-means centres",
  "average": "average real images",
  "knn-random": "nearest neighbour, random images",
  "knn-kmeans": "nearest neighbour, k-means centres",
  "full": "all training images",
};

/** Measures the baselines of a recipe's setting. */
export async function baselinesCommand(session: Session, flags: BaselinesFlags): Promise<Outcome> {
  const { retort } = session;
  const recipe = await retort.loadRecipe(flags.recipe, flags.set ?? {});
  const { networks, only, artifact, out } = flags;
  if (out !== undefined) await expectNoFolder(session, out);
  const dataset = await loadDataset(session, recipe, flags);
  using device = await retort.openDevice();
  const start = performance.now();
  using _interrupt = exitOnInterrupt({
    note: session.note,
    tell: () =>
      out === undefined
        ? "Stopped: nothing was saved; --out keeps every baseline that is measured"
        : `Stopped: the baselines measured so far are in ${out}`,
  });
  const rows = await retort.baselines(device, recipe, dataset, {
    ...(networks !== undefined && { networks }),
    ...(only && { only }),
    ...(artifact !== undefined && { artifact }),
    ...(out !== undefined && { out }),
    ...(!session.quiet && { onProgress: (line: string) => session.note(line) }),
  });
  const seconds = (performance.now() - start) / 1000;
  const images = recipe.steps * recipe.per_class * dataset.classes;
  const adapter = device.info.name;
  const values = { recipe, images, adapter, baselines: rows, seconds };
  return {
    values,
    lines: [
      `Recipe ${recipe.name}: ${images} images in ${recipe.steps} steps; adapter ${adapter}`,
      ...describeBaselines(rows),
      `Measured in ${describeDuration(seconds)}`,
    ],
  };
}

/** A table with a line each: test accuracy, over how many, how, and the paper's beside it. */
function describeBaselines(rows: readonly Baseline[]): string[] {
  const source = rows.find(({ published }) => published)?.published?.source;
  const cells = rows.map(({ name, accuracy, how, published }) => [
    TITLES[name],
    describeAccuracy(accuracy),
    `${accuracy.networks}`,
    how,
    published ? describePublished(published) : "",
  ]);
  const head = ["Test accuracy with", "Retort", "runs", "best of its grid", source ?? ""];
  return table([head, ...cells]);
}

function describePublished({ mean, std }: NonNullable<Baseline["published"]>): string {
  const spread = std === undefined ? "" : ` ± ${(100 * std).toFixed(1)}`;
  return `${(100 * mean).toFixed(1)}${spread} %`;
}
