/** How the work of a convolution is divided among the invocations of its kernels. */
import { MOST_TURNS, type Profile } from "../gpu/mod.ts";
import type { Planes, Span } from "./op.ts";

/**
 * What an invocation takes, at most: `columns` of `channels` channels, the first that leave `busy`
 * invocations, or `pairs` of columns before pooling. Of the gradient in the kernel it takes `sumChannels`
 * channels and `sumRows` rows, in about `sumLanes` invocations. A software adapter wants few with much to
 * do each: there a load costs as much as some twenty products.
 */
const TILES = {
  software: {
    tiles: [{ columns: 16, channels: 8 }, { columns: 16, channels: 4 }],
    busy: 128,
    pairs: 7,
    sumChannels: 8,
    sumRows: 5,
    sumLanes: 128,
  },
  hardware: {
    tiles: [4, 2, 1].map((columns) => ({ columns, channels: 4 })),
    busy: 65_536, // by the number of lanes of a GPU, not by measurement
    pairs: 1,
    sumChannels: 4,
    sumRows: 1,
    sumLanes: 32_768,
  },
};

/** The windows of a convolution. */
interface Kernel {
  readonly size: number;
  readonly stride: number;
}

/** Taps of a row of the kernel that an invocation takes at a time; windows side by side share columns. */
function tapsOf({ size, stride }: Kernel): number {
  return stride > 1 ? 1 : Math.min(size, 5);
}

/** Columns of ȳ that a turn of the gradient in the kernel takes, at most. */
const SUM_COLUMNS = 4;

/** How an invocation of the correlation to planes `to` is cut out; `pools` if max-pooling follows. */
export function tileOf(
  { name }: Profile,
  { networks, images }: Span,
  { channels, height, width }: Planes,
  kernel: Kernel,
  pools: boolean,
) {
  const { tiles, busy, pairs } = TILES[name];
  const taps = { TAPS: tapsOf(kernel) };
  if (pools) {
    return { COLUMNS: 2 * evenly(width, pairs), CHANNELS: channelsOf(channels), ROWS: 2, ...taps };
  }
  const lines = networks * height * images / 4;
  const lanesOf = (tile: { columns: number; channels: number }) =>
    lines * Math.ceil(width / tile.columns) * Math.ceil(channels / tile.channels);
  const fitting = tiles.filter((tile) => tile.channels <= 4 || channels >= tile.channels);
  const tile = fitting.find((tile) => lanesOf(tile) >= busy) ?? fitting.at(-1)!;
  const CHANNELS = tile.channels > 4 ? tile.channels : channelsOf(channels);
  return { COLUMNS: evenly(width, tile.columns), CHANNELS, ROWS: 1, ...taps };
}

/** Output channels for each invocation: four, or three where that leaves none over. */
function channelsOf(channels: number): number {
  if (channels < 4) return channels;
  return channels % 4 !== 0 && channels % 3 === 0 ? 3 : 4;
}

/**
 * How the sum over images that is the gradient in a kernel is divided, ȳ being `output`: after pooling where it
 * `pools`. It is the same for any number of networks, so that each gets the same bits beside others as alone.
 */
export function sumsOf(
  { name }: Profile,
  { images }: Span,
  input: Planes,
  { channels, height, width }: Planes,
  kernel: Kernel,
  pools: boolean,
) {
  const { sumChannels, sumRows, sumLanes } = TILES[name];
  const COLUMNS = pools ? 2 : evenly(width, SUM_COLUMNS);
  const CHANNELS = evenly(channels, sumChannels);
  const TAPS = tapsOf(kernel);
  const ROWS = kernel.stride > 1 ? 1 : Math.min(kernel.size, sumRows);
  const tiles = input.channels * Math.ceil(kernel.size / ROWS) * Math.ceil(kernel.size / TAPS);
  const channelTiles = Math.ceil(channels / CHANNELS);
  const columns = images / 4 * Math.ceil(width / (pools ? 1 : COLUMNS));
  const wanted = Math.ceil(sumLanes / tiles / channelTiles);
  // Whole columns of an image, unless these are too few; a strip that starts anew loads ROWS rows of x.
  const STRIP = Math.ceil(height / Math.min(height, Math.ceil(wanted / columns)));
  const strips = columns * Math.ceil(height / STRIP);
  const runs = runsOf(strips * (STRIP + ROWS), wanted, strips);
  return { tiles, channelTiles, runs, overrides: { COLUMNS, CHANNELS, ROWS, STRIP, TAPS } };
}

/**
 * Runs that a sum of `turns` is split into: those wanted, as many more as the bound on turns takes, and
 * no more than `most`.
 */
function runsOf(turns: number, wanted: number, most: number): number {
  return Math.min(most, Math.max(Math.ceil(turns / MOST_TURNS), wanted));
}

/** Columns, or channels, for each invocation: the fewest tiles of at most `most`, all about as wide. */
function evenly(width: number, most: number): number {
  return Math.ceil(width / Math.ceil(width / most));
}
