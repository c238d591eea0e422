/** Picture title: what the picture of a run says above all: data, network, images, and accuracies. */
import type { Accuracy } from "../evaluate/accuracy.ts";
import type { Gain } from "../evaluate/measure.ts";
import { archsFromText, nameOf } from "../nets/arch.ts";
import { publicName } from "../sets/dataset.ts";
import type { Artifact } from "../store/artifact.ts";

/** "mnist, unknown lenet, 100 images: 9.8 ± 2.4 % → 79.6 ± 5.9 % (8 networks)". */
export function pictureTitle({ metadata, images }: Artifact, { before, after, by }: Gain): string {
  const { dataset = "", arch = "", init, objective, pretrained } = metadata;
  const what = metadata.columns === undefined ? "image" : "point";
  const count = `${images.shape[0]} ${what}${images.shape[0] === 1 ? "" : "s"}`;
  const networks = after.networks > 1 ? ` (${after.networks} networks)` : "";
  const tested = by === "standard training" ? ` (${by})` : networks;
  const known = pretrained ? "trained" : init === "fixed" ? "known" : "unknown";
  const learner = objective === "kernel"
    ? `${metadata.kernel} kernel`
    : `${known} ${archsFromText(arch).map(nameOf).join(", ")}`;
  return `${publicName(dataset)}, ${learner}, ${count}: ${percent(before)} → ${
    percent(after)
  }${tested}`;
}

function percent({ mean, std, networks }: Accuracy): string {
  return networks > 1 ? `${hundredfold(mean)} ± ${hundredfold(std)} %` : `${hundredfold(mean)} %`;
}

function hundredfold(part: number): string {
  return (100 * part).toFixed(1);
}
