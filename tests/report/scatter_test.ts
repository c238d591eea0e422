// scatter: where points and colours stand in the picture.
import assert from "node:assert/strict";
import { decode } from "fast-png";
import { encodeScatter, type Scatter } from "../../src/report/scatter.ts";

const PAPER = [250, 250, 250];
const [BLUE, ORANGE] = [[78, 121, 167], [242, 142, 44]];
const EMPTY = { values: [], labels: [] };

const PLOT: Scatter = {
  title: "a title",
  axes: ["x", "y"],
  classNames: ["a", "b"],
  real: EMPTY,
  distilled: { values: [0, 0, 1, 2], labels: [0, 1] },
};

function pictureOf(changes: Partial<Scatter>) {
  const png = decode(encodeScatter({ ...PLOT, ...changes }));
  const at = (x: number, y: number) => {
    return [...png.data.subarray((y * png.width + x) * 3, (y * png.width + x) * 3 + 3)];
  };
  return { ...png, at };
}

/** Middle of all pixels of a colour left of the legend. */
function centreOf({ width, height, at }: ReturnType<typeof pictureOf>, colour: number[]) {
  let [count, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width - 176; x++) {
      if (at(x, y).join() !== colour.join()) continue;
      [count, sumX, sumY] = [count + 1, sumX + x, sumY + y];
    }
  }
  return { count, x: sumX / count, y: sumY / count };
}

Deno.test("encodeScatter: points in the colours of their classes, x to the right and y up", () => {
  const picture = pictureOf({});
  const [first, second] = [BLUE!, ORANGE!].map((colour) => centreOf(picture, colour));
  for (const { count } of [first!, second!]) {
    assert.ok(Math.abs(count - Math.PI * 7 ** 2) < 30, `${count} pixels`); // a disc of radius 7
  }
  assert.ok(second!.x > first!.x + 300 && second!.y < first!.y - 300);
  const middle = pictureOf({ distilled: { values: [0, 0, 1, 2, 0.5, 1], labels: [0, 0, 1] } });
  const { x, y } = centreOf(middle, ORANGE!);
  assert.ok(Math.abs(x - (first!.x + second!.x) / 2) < 1);
  assert.ok(Math.abs(y - (first!.y + second!.y) / 2) < 1);
});

Deno.test("encodeScatter: training rows pale and behind, and the axes reach them", () => {
  const real = { values: [0, 0, 10, 20], labels: [1, 1] };
  const picture = pictureOf({ real });
  const { x, y } = centreOf(picture, BLUE!);
  assert.ok(Number.isFinite(x), "the distilled point hides the training row at its place");
  const alone = centreOf(pictureOf({}), BLUE!);
  assert.ok(Math.abs(x - alone.x) < 60 && Math.abs(y - alone.y) < 60);
  const pale = ORANGE!.map((c, i) => Math.round(PAPER[i]! * 0.7 + c * 0.3));
  const { count, x: right, y: top } = centreOf(picture, pale);
  assert.ok(count >= 4 && count < 25, `${count} pixels of the other training row`);
  assert.ok(right > x + 300 && top < y - 300);
});

Deno.test("encodeScatter: one point alone, many classes, and a run that diverged", () => {
  const one = pictureOf({ distilled: { values: [3, 3], labels: [0] } });
  assert.ok(centreOf(one, BLUE!).count > 100);
  const many = Array.from({ length: 200 }, (_, k) => `class ${k} of a very long name indeed`);
  assert.equal(pictureOf({ classNames: many }).height, pictureOf({}).height);
  const distilled = { values: [0, NaN], labels: [0] };
  assert.throws(() => pictureOf({ distilled }), {
    name: "RangeError",
    message: /^Cannot draw a scatter plot: got the coordinate NaN, .* lower its learning rate$/,
  });
});
