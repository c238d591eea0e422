import assert from "node:assert/strict";
import { sha256 } from "../../src/base/sha256.ts";

Deno.test("sha256 of abc is that of FIPS 180-2, of a view that of its bytes alone", async () => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const bytes = new TextEncoder().encode("xabcx");
  assert.equal(await sha256(bytes.subarray(1, 4)), abc);
});
