// nearest_test: what a misspelled word was meant to be.
import assert from "node:assert/strict";
import { nearest } from "../../src/base/nearest.ts";

Deno.test("nearest finds a word that differs by two letters, or by a third of them", () => {
  const known = ["steps", "checkpoint_every", "seed"];
  assert.equal(nearest("stpes", known), "steps");
  assert.equal(nearest("seeds", known), "seed");
  assert.equal(nearest("checkpoints_evry", known), "checkpoint_every");
  assert.equal(nearest("momentum", known), undefined);
});
