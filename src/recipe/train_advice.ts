// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
/** Train advice: the command that trains the networks that a recipe starts from, and the time it takes. */
import { basename } from "node:path";
import type { Recipe } from "./recipe.ts";
import { trainSettings } from "./train_settings.ts";

/** Training images of the data sets whose networks recipes start from. */
const IMAGES: Readonly<Record<string, number>> = {
  mnist: 60_000,
  usps: 7_291,
  svhn: 73_257,
  cifar10: 50_000,
};

/** How USPS looks like MNIST: digits of 20 × 20 pixels in a frame of 4. */
const AS_MNIST = { resize: 20, pad: 4, channels: 0 };

/**
 * Seconds an image takes a LeNet in an epoch: 24 LeNets take 13 minutes for two epochs of MNIST (llvmpipe of Mesa 22.3,
 * two cores of an AMD EPYC, 2026-11-25). How many train side by side hardly matters there.
 */
const SECONDS = 2.7e-4;

/** Held-out networks that are enough for a first look. */
const FEW = 8;

/** What to do where the file of a recipe's trained networks is not there; its name says the data set. */
export function trainAdvice(recipe: Recipe): string {
  const { pretrained, arch, init, networks, test_networks } = recipe;
  const [name = ""] = basename(pretrained).split(".");
  const dataset = name in IMAGES ? name : "NAME";
  const form = dataset === recipe.dataset ? recipe : dataset === "usps" ? AS_MNIST : undefined;
  const count = (held: number) => init === "fixed" ? 1 : networks + held;
  const flags = [
    `--dataset ${dataset}`,
    ...(["resize", "pad", "channels"] as const).flatMap((key) =>
      form && form[key] > 0 ? [`--${key} ${form[key]}`] : []
    ),
    ...(typeof arch === "string" && arch !== "lenet" ? [`--arch ${arch}`] : []),
    `--networks ${count(test_networks)}`,
    `--out ${pretrained}`,
  ];
  const time = (trained: number) =>
    about(SECONDS * IMAGES[dataset]! * trainSettings(dataset).epochs * trained);
  const isTimed = dataset in IMAGES && arch === "lenet";
  const cost = isTimed ? `, ${time(count(test_networks))} without a GPU` : "";
  const less = isTimed && count(test_networks) > count(FEW)
    ? `; with --set test_networks=${FEW} --networks ${count(FEW)} are enough, ${time(count(FEW))}`
    : "";
  return `train them: train ${flags.join(" ")}${cost}${less}; or name another file by ` +
    `--set pretrained=FILE`;
}

/** "about 15 h" or "about 5 min". */
function about(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `about ${minutes} min` : `about ${Math.round(minutes / 60)} h`;
}
