/** conv2d_tiles: how the work of conv2d's kernels is divided among invocations. */
import type { Profile } from "../gpu/mod.ts";
import type { Planes, Span } from "./op.ts";
import { runsOf } from "./split_sums.ts";

/**
 * What an invocation takes, at most: `columns` of an image, the first that leaves BUSY invocations, or
 * `pairs` of columns before pooling. Of a sum over images `sumColumns` at a time, or one window that
 * was pooled for `sumChannels`, and `sumRows` rows of the kernel, in about `sumLanes` invocations. A
 * software adapter wants few with much to do each.
 */
const TILES = {
  software: { columns: [14], pairs: 7, sumColumns: 5, sumChannels: 8, sumRows: 5, sumLanes: 128 },
  hardware: {
    columns: [4, 2, 1],
    pairs: 1,
    sumColumns: 4,
    sumChannels: 4,
    sumRows: 1,
    sumLanes: 32_768,
  },
};
/**
 * Invocations that keep a GPU busy, by its number of lanes, not by measurement. With fewer, smaller
 * tiles are worth the loads that they repeat.
 */
const BUSY = 65_536;
/** Taps of a row of the kernel that an invocation takes at a time. */
export const TAPS = 5;

/** Columns of the planes `to` for each invocation; if it pools, of those before pooling, an even number. */
export function columnsOf(
  { name }: Profile,
  { networks, images }: Span,
  { channels, height, width }: Planes,
  pools: boolean,
): number {
  const { columns, pairs } = TILES[name];
  if (pools) return 2 * tileOf(width, pairs);
  const lines = networks * Math.ceil(channels / channelsOf(channels)) * height * images / 4;
  const most = columns.find((count) => lines * Math.ceil(width / count) >= BUSY) ?? columns.at(-1)!;
  return tileOf(width, most);
}

/** Output channels for each invocation: four, or three where that leaves none over. */
export function channelsOf(channels: number): number {
  if (channels < 4) return channels;
  return channels % 4 !== 0 && channels % 3 === 0 ? 3 : 4;
}

/**
 * How the sum over images that is the gradient in a kernel of side `size` is divided: by lines of
 * `output`, or by its 2 × 2 windows where these are pooled.
 */
export function sumsOf(
  { name }: Profile,
  { networks, images }: Span,
  input: Planes,
  output: Planes,
  { size, pool = false }: { readonly size: number; readonly pool?: boolean },
) {
  const [C, O, Q] = [input.channels, output.channels, output.width];
  const most = TILES[name];
  const COLUMNS = pool ? 2 : tileOf(Q, most.sumColumns);
  const CHANNELS = pool ? tileOf(O, most.sumChannels) : channelsOf(O);
  const ROWS = Math.min(size, most.sumRows);
  const tiles = C * Math.ceil(size / ROWS) * Math.ceil(size / TAPS);
  const channelTiles = Math.ceil(O / CHANNELS);
  const lines = images / 4 * output.height;
  const wanted = Math.ceil(most.sumLanes / tiles / channelTiles / networks);
  const turns = pool ? lines * Q / 4 : lines * Math.ceil(Q / COLUMNS);
  const runs = runsOf(turns, wanted, Math.min(lines, turns));
  // Kernels count the runs by the length of a binding of whole vec4s, which must not look like one more.
  const splits = networks * O * (C * size * size + 1) < 4 ? Math.ceil(runs / 4) * 4 : runs;
  return { COLUMNS, CHANNELS, ROWS, tiles, channelTiles, splits };
}

/** Columns, or channels, for each invocation: the fewest tiles of at most `most`, all about as wide. */
function tileOf(width: number, most: number): number {
  return Math.ceil(width / Math.ceil(width / most));
}
