/** The pages: what they link to is there. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { ROOT } from "./support/command.ts";

const PAGES = ["README.md", "recipes/README.md", "tests/golden/README.md"];

/** Headings of a page as links name them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

Deno.test("every link of the pages leads to a file, and to a heading that it has", async () => {
  const docs = await Array.fromAsync(Deno.readDir(`${ROOT}docs`));
  const pages = [...PAGES, ...docs.map(({ name }) => `docs/${name}`)];
  let count = 0;
  for (const page of pages) {
    const text = await Deno.readTextFile(`${ROOT}${page}`);
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = link!.split("#");
      const target = path === "" ? page : join(dirname(page), path!);
      const stat = await Deno.stat(`${ROOT}${target}`).catch(() => undefined);
      assert.ok(stat, `${page} links to ${link}, which is not there`);
      count++;
      if (anchor === undefined) continue;
      const anchors = anchorsOf(await Deno.readTextFile(`${ROOT}${target}`));
      assert.ok(anchors.includes(anchor), `${page} links to ${link}, whose heading is not there`);
    }
  }
  assert.ok(count > 50, `${count} links were read`);
});
