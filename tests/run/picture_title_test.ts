// picture_title_test: what a picture says above all.
import assert from "node:assert/strict";
import { pictureTitle } from "../../src/run/picture_title.ts";
import { anArtifact } from "../export/runs.ts";

const GAIN = {
  before: { mean: 0.0984, std: 0.024, networks: 8 },
  after: { mean: 0.796, std: 0.0689, networks: 8 },
};
const ONE = { before: { ...GAIN.before, networks: 1 }, after: { ...GAIN.after, networks: 1 } };

function titleOf(metadata: Record<string, string>, gain: Parameters<typeof pictureTitle>[1] = ONE) {
  const artifact = anArtifact();
  return pictureTitle({ ...artifact, metadata: { ...artifact.metadata, ...metadata } }, gain);
}

Deno.test("pictureTitle: data, network, images, accuracies, and ± of several networks", () => {
  assert.equal(titleOf({}), "mnist, known lenet, 22 images: 9.8 % → 79.6 %");
  assert.equal(
    titleOf({ init: "random", arch: '["lenet","convnet3"]' }, GAIN),
    "mnist, unknown lenet, convnet3, 22 images: 9.8 ± 2.4 % → 79.6 ± 6.9 % (8 networks)",
  );
  assert.equal(
    titleOf({ init: "random", pretrained: "x", dataset: "folder:/home/ada/faces", columns: "[]" }),
    "faces, trained lenet, 22 points: 9.8 % → 79.6 %",
  );
  assert.equal(
    titleOf({ objective: "kernel", kernel: "fc" }, { ...ONE, by: "kernel regression" }),
    "mnist, fc kernel, 22 images: 9.8 % → 79.6 %",
  );
  assert.match(titleOf({}, { ...GAIN, by: "standard training" }), / % \(standard training\)$/);
});
