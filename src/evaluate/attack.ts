/**
 * Attack: distilled images that make trained networks take class K for class T (Wang et al. 2018,
 * §4.3). The outer loss counts real images of K as T; all else is as in any distillation.
 */
import type { Dataset, Split } from "../sets/dataset.ts";
import { type Accuracy, fractionOf, summarize } from "./accuracy.ts";
import { UsageError } from "../base/usage_error.ts";

/** Which class is to be taken for which. */
export interface Attack {
  /** K, the class that is attacked. */
  readonly from: number;
  /** T, the class it is to be taken for. */
  readonly to: number;
}

/** What networks make of the test images, over networks. */
export interface AttackMeasures {
  /** Accuracy with respect to the modified labels: images of K count as T. */
  modified: Accuracy;
  /** Share of the images of K that are taken for T. */
  ratio: Accuracy;
  /** Accuracy on the images of each class, with respect to the true labels, [classes]. */
  perClass: Accuracy[];
}

/**
 * The attack that a recipe's `attack` asks for, if it does.
 *
 * @throws UsageError when the data set lacks a class, or test images of K.
 */
export function attackOf(setting: string, { name, classes, test }: Dataset): Attack | undefined {
  if (setting === "none") return undefined;
  const [from, to] = setting.split(":").map(Number) as [number, number];
  if (Math.max(from, to) < classes && test.labels.includes(from)) return { from, to };
  throw new UsageError(
    `Cannot attack ${name}: got ${setting}, expected two of its classes 0…${classes - 1}, the ` +
      `first with test images`,
  );
}

/** The split with the labels of class K replaced by T. */
export function relabel(split: Split, { from, to }: Attack): Split {
  return { ...split, labels: split.labels.map((label) => label === from ? to : label) };
}

/** Summarises which images networks classify right by the true labels and by the modified ones. */
export function summarizeAttack(
  { labels }: Split,
  classes: number,
  { from }: Attack,
  hits: { readonly truth: readonly Uint8Array[]; readonly modified: readonly Uint8Array[] },
): AttackMeasures {
  const share = (of: readonly Uint8Array[], label: number) =>
    summarize(of.map((network) => fractionOf(network.filter((_, n) => labels[n] === label))));
  return {
    modified: summarize(hits.modified.map(fractionOf)),
    ratio: share(hits.modified, from),
    perClass: Array.from({ length: classes }, (_, label) => share(hits.truth, label)),
  };
}
