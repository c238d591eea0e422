import assert from "node:assert/strict";
import { link } from "../../src/gpu/mod.ts";

// A diamond whose foot is used by one more; the last file has no newline at its end.
const FILES = {
  "top.wgsl": "// uses: left.wgsl, right.wgsl\n// top\n",
  "left.wgsl": "// uses: foot.wgsl\n// left\n",
  "right.wgsl": "// uses: foot.wgsl, deep/toe.wgsl\n// right\n// right too\n",
  "deep/toe.wgsl": "// uses: foot.wgsl\n// toe",
  "foot.wgsl": "// foot\n// uses: top.wgsl, which a line other than the first does not\n",
  "idle.wgsl": "// idle\n",
};

Deno.test("link puts each file once, after the files that it uses", () => {
  const { name, text } = link("top.wgsl", FILES);
  assert.equal(name, "top.wgsl");
  assert.equal(
    text,
    FILES["foot.wgsl"] + FILES["left.wgsl"] + FILES["deep/toe.wgsl"] + "\n" + FILES["right.wgsl"] +
      FILES["top.wgsl"],
  );
});

Deno.test("link: locate names the file and the line in it", () => {
  const { text, locate } = link("top.wgsl", FILES);
  const lines = text.trimEnd().split("\n");
  const places = lines.map((_, i) => locate(i + 1));
  assert.deepEqual(places, [
    ...["kernels/foot.wgsl:1", "kernels/foot.wgsl:2"],
    ...["kernels/left.wgsl:1", "kernels/left.wgsl:2"],
    ...["kernels/deep/toe.wgsl:1", "kernels/deep/toe.wgsl:2"],
    ...["kernels/right.wgsl:1", "kernels/right.wgsl:2", "kernels/right.wgsl:3"],
    ...["kernels/top.wgsl:1", "kernels/top.wgsl:2"],
  ]);
  assert.equal(locate(lines.length + 1), "kernels/top.wgsl", "past the end");
});

Deno.test("link finds the shared files by itself, and given ones in their place", () => {
  const name = "mine.wgsl";
  const { text } = link(name, { [name]: "// uses: shared/each.wgsl\n" });
  const [sizes, each, mine] = ["struct Sizes", "fn share(", "// uses: shared/each"].map((part) =>
    text.lastIndexOf(part)
  );
  assert.ok(0 <= sizes! && sizes! < each! && each! < mine!, `at ${sizes}, ${each} and ${mine}`);
  const own = { [name]: "// uses: shared/sizes.wgsl\n", "shared/sizes.wgsl": "// own\n" };
  assert.equal(link(name, own).text, "// own\n// uses: shared/sizes.wgsl\n");
});

Deno.test("link refuses a file that there is not", () => {
  for (const name of ["none.wgsl", "user.wgsl"]) {
    const files = { "user.wgsl": "// uses: foot.wgsl, none.wgsl\n", "foot.wgsl": "// foot\n" };
    assert.throws(() => link(name, files), {
      name: "RangeError",
      message: `Cannot link ${name}: got no none.wgsl, expected one of the files given`,
    });
  }
});
