// plane_test: where points, regions and captions of the SVGs are.
import assert from "node:assert/strict";
import { type Panel, plotPoints, plotRegions } from "../../src/report/plane.ts";

const PLANE = {
  title: "a < b",
  axes: ["height", "width"],
  domain: [[0, 10], [0, 20]],
  classNames: ["short", "tall"],
} as const;

const REAL = { values: [1, 2, 3, 4, 9, 18], labels: [0, 0, 1] };
const DISTILLED = { values: [5, 10, 2, 3], labels: [1, 0] };
const SIDE = 11;

/** Networks say tall where x > 5, all of them where x > 7. */
const TALL = Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE - 3) / 4)
  .map((share) => Math.min(1, Math.max(0, share)));
const VOTES = [TALL.map((share) => 1 - share), TALL];

const panel = (column: string, row: string): Panel => ({
  column,
  row,
  caption: `${column} of ${row}`,
  points: REAL,
  votes: VOTES,
});

/** Marks of the groups with a label: the text between its tags. */
function groupsOf(svg: string, label: string): string[] {
  return [...svg.matchAll(new RegExp(`<g[^>]*aria-label="${label}"[^>]*>([^]*?)</g>`, "g"))]
    .map(([, marks]) => marks!);
}

/** Numbers of the paths of some marks, path by path, as points. */
function pathsOf(marks: string): [number, number][][] {
  return [...marks.matchAll(/ d="([^"]*)"/g)].map(([, path]) =>
    [...path!.matchAll(/([-\d.]+),([-\d.]+)/g)].map(([, x, y]): [number, number] => [+x!, +y!])
  );
}

function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
}

Deno.test("plotPoints: every point where it is, real ones a shape a class", () => {
  const svg = plotPoints({ ...PLANE, real: REAL, distilled: DISTILLED });
  assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^]*<\/svg>\n$/);
  for (const text of ["a &lt; b", "height", "width", "● short", "● tall"]) {
    assert.ok(textsOf(svg).includes(text), `${text} is not among ${textsOf(svg)}`);
  }
  const [short, tall] = pathsOf(groupsOf(svg, "geo")[0]!);
  const dots = [...groupsOf(svg, "dot")[0]!.matchAll(/cy="([-\d.]+)" cx="([-\d.]+)"/g)]
    .map(([, y, x]) => [Number(x), Number(y)]);
  assert.deepEqual([short!.length, tall!.length, dots.length], [4, 2, 2]); // a line has two ends
  // From (1, 2) to (9, 18) of the plane; (5, 10) is half way.
  const [[x1, y1], [x2, y2]] = [short![0]!, tall![0]!];
  assert.ok(x2 > x1 + 100 && y2 < y1 - 100);
  const [x, y] = dots[0]!;
  assert.ok(Math.abs(x! - (x1 + x2) / 2) < 0.02 && Math.abs(y! - (y1 + y2) / 2) < 0.02);
  assert.equal(plotPoints({ ...PLANE, real: REAL, distilled: DISTILLED }), svg);
});

Deno.test("plotRegions: a panel for each column and row, tinted where most networks agree", () => {
  const panels = ["one", "two"].flatMap((row) => ["real", "distilled"].map((c) => panel(c, row)));
  const svg = plotRegions({ ...PLANE, panels });
  for (const text of ["real", "distilled", "one", "two", "real of one", "distilled of two"]) {
    assert.ok(textsOf(svg).includes(text), `${text} is not among ${textsOf(svg)}`);
  }
  const [regions] = pathsByFacet(svg);
  assert.equal(regions!.length, 4);
  const [frameLeft, frameRight] = extent(regions!.flat(2).map(([x]) => x));
  const at = (x: number) => frameLeft! + (frameRight! - frameLeft!) * x / 10;
  for (const paths of regions!) {
    // Of short, then of tall: where more than half say it, and where nine of ten do.
    const edges = paths.map((path) => extent(path.map(([x]) => x)));
    const expected = [[0, 5], [0, 3.4], [5, 10], [6.6, 10]].map((edge) => edge.map(at));
    edges.forEach((edge, i) =>
      edge.forEach((x, j) =>
        assert.ok(Math.abs(x! - expected[i]![j]!) < 0.02 * (at(10) - at(0)), `${x}`)
      )
    );
  }
});

/** Paths of the two layers of shapes, regions and points, facet by facet. */
function pathsByFacet(svg: string): [number, number][][][][] {
  return [...svg.matchAll(/<g aria-label="geo"[^>]*>((?:<g transform[^>]*>[^]*?<\/g>)+)/g)].map(
    ([, facets]) => facets!.split("</g>").filter((part) => part.includes(" d=")).map(pathsOf),
  );
}

function extent(values: number[]): number[] {
  return [Math.min(...values), Math.max(...values)];
}
