/**
 * Plot: pictures of finished runs as SVG: the rates that they learned, in a band over restarts. Of points of the plane
 * there are two more: the distilled ones over the real ones, and what networks say that were trained on either.
 */
import { writeAtomic } from "../base/atomic.ts";
import { UsageError } from "../base/usage_error.ts";
import { trainingBy } from "../evaluate/across.ts";
import { type Regions, regionsOfDistilled, regionsOfReal } from "../evaluate/regions.ts";
import type { Strategy } from "../evaluate/strategies.ts";
import type { Device } from "../gpu/mod.ts";
import { type Arch, labelsOf } from "../nets/arch.ts";
import type { Panel, Plane } from "../report/plane.ts";
import type { Points } from "../report/scatter.ts";
import { type Dataset, mostProbable, publicName } from "../sets/dataset.ts";
import { denormalized } from "../sets/normalized.ts";
import { type Artifact, readArtifact } from "../store/artifact.ts";
import { openArtifact } from "../store/open_artifact.ts";

/** What is drawn, and who hears of progress. */
export interface PlotOptions {
  /** Folder of the pictures; made if there is none. */
  readonly out: string;
  /** Architectures whose regions are drawn; those of the distillation when left out. */
  readonly archs?: readonly Arch[] | undefined;
  /** Networks that vote in each panel; 10 when left out. */
  readonly networks?: number | undefined;
  /** Called with a line when something long begins. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** Names of the pictures. */
const PICTURES = { rates: "rates.svg", points: "points.svg", regions: "regions.svg" } as const;

/** Places at which networks are asked, along either axis. */
const SIDE = 121;

/** How far pictures reach beyond the farthest point, in parts of the extent; of regions, the farthest real one. */
const ROOM = { points: 0.05, regions: 0.3 } as const;

/** How networks are trained on the distilled points, and what the panels are called. */
const COLUMNS = [["raw", "recorded steps"], ["1", "strategy 1"]] as const satisfies readonly [
  Strategy,
  string,
][];

/**
 * Draws finished runs of equal settings: the rates of all, and of the first, where it is of a table of two columns
 * that was not whitened, points and decision regions of fresh networks.
 *
 * @returns the paths of the pictures.
 * @throws UsageError for runs that record no steps, runs whose trainings differ in length, or another data set than
 * that of the first.
 */
export async function plot(
  device: Device,
  dirs: readonly string[],
  dataset: Dataset,
  { out, archs, networks = 10, onProgress }: PlotOptions,
): Promise<string[]> {
  const artifacts: Artifact[] = [];
  for (const dir of dirs) artifacts.push(await readArtifact(dir));
  const first = artifacts[0]!;
  const { metadata, whitening } = first;
  expectAlike(dirs, artifacts);
  if (first.lrs.data.length === 0) {
    throw new UsageError(
      `Cannot plot ${
        dirs[0]
      }: got objective ${metadata.objective}, which records no steps, expected a run with ` +
        `learned rates; its images are in images.png`,
    );
  }
  const { plotRates } = await import("../report/rates.ts"); // large; only here needed
  const of = dirs.length > 1 ? `mean of ${dirs.length} runs, band ± 1 std` : dirs[0]!;
  const pictures: [name: string, svg: string][] = [[
    PICTURES.rates,
    plotRates({
      title: `${publicName(dataset.name)}: ${of}`,
      rates: artifacts.map(({ lrs }) => lrs.data),
      perEpoch: Number(metadata.steps),
    }),
  ]];
  if (dataset.columns?.length === 2 && !whitening) {
    const opened = await openArtifact(device, dirs[0]!, dataset);
    const used = archs ?? opened.archs;
    const { plotPoints, plotRegions } = await import("../report/plane.ts");
    const [real, distilled] = [realPoints(dataset), distilledPoints(first, dataset)];
    const plane = planeOf(dataset, [real, distilled], ROOM.points);
    const around = planeOf(dataset, [real], ROOM.regions);
    const count = distilled.labels.length;
    const title = `${
      publicName(dataset.name)
    }: ${count} distilled points over ${real.labels.length} real ones`;
    pictures.push([PICTURES.points, plotPoints({ ...plane, title, real, distilled })]);
    const panels: Panel[] = [];
    for (const [i, row] of labelsOf(used).entries()) {
      onProgress?.(`${networks} × ${row}`);
      const net = opened.netOf(used[i]!);
      const how = { ...opened.how, init: "random" } as const;
      const places = { domain: around.domain, side: SIDE };
      const survey = { net, dataset: opened.dataset, how, networks, places };
      const add = (column: string, points: Points, { votes, accuracy }: Regions) => {
        const caption = `${percent(accuracy.mean)} ± ${percent(accuracy.std)} %`;
        panels.push({ column, row, caption, points, votes });
      };
      add(`${real.labels.length} real points`, real, await regionsOfReal(survey));
      for (const [strategy, name] of COLUMNS) {
        const training = trainingBy(net, first, strategy);
        using _data = training.data;
        add(`${count} distilled, ${name}`, distilled, await regionsOfDistilled(survey, training));
      }
    }
    const regions = `${
      publicName(dataset.name)
    }: what more than half, or nine tenths, of ${networks} networks say, and their test accuracy`;
    pictures.push([PICTURES.regions, plotRegions({ ...around, title: regions, panels })]);
  }
  await Deno.mkdir(out, { recursive: true });
  for (const [name, svg] of pictures) await writeAtomic(`${out}/${name}`, svg);
  return pictures.map(([name]) => `${out}/${name}`);
}

function expectAlike(dirs: readonly string[], artifacts: readonly Artifact[]): void {
  const lengthOf = ({ metadata }: Artifact) =>
    `${metadata.steps_total} steps on ${metadata.steps} blocks`;
  const expected = lengthOf(artifacts[0]!);
  const other = artifacts.findIndex((artifact) => lengthOf(artifact) !== expected);
  if (other < 0) return;
  throw new UsageError(
    `Cannot draw ${dirs[other]} beside ${dirs[0]}: got ${lengthOf(artifacts[other]!)}, expected ` +
      `${expected}; give runs of equal settings`,
  );
}

/** The stretch of the plane that points take, and some room. */
function planeOf(
  { columns, classNames, classes }: Dataset,
  all: readonly Points[],
  more: number,
): Plane {
  const extent = (axis: 0 | 1) => {
    const own = all.flatMap(({ values }) => Array.from(values).filter((_, i) => i % 2 === axis));
    const [low, high] = [
      own.reduce((a, b) => Math.min(a, b)),
      own.reduce((a, b) => Math.max(a, b)),
    ];
    const room = more * (high - low);
    return [low - room, high + room] as const;
  };
  return {
    axes: [columns![0]!, columns![1]!],
    domain: [extent(0), extent(1)],
    classNames: classNames ?? Array.from({ length: classes }, (_, k) => `${k}`),
  };
}

function realPoints({ train, mean, std }: Dataset): Points {
  const values = denormalized(Float32Array.from(train.images), { mean, std });
  return { values, labels: train.labels };
}

function distilledPoints({ images, labels }: Artifact, { mean, std, classes }: Dataset): Points {
  const values = denormalized(images.data, { mean, std });
  return { values, labels: mostProbable(labels.data, classes) };
}

function percent(fraction: number): string {
  return (100 * fraction).toFixed(1);
}
