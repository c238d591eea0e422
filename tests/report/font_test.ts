// The font: glyphs where they belong, and lines that never run over.
import assert from "node:assert/strict";
import { fitted, glyph, isDrawable, widthOf, wrap } from "../../src/report/font.ts";

Deno.test("glyph draws letters, signs and a box for the rest", () => {
  assert.deepEqual(
    drawn("E"),
    ["#####", "#....", "#....", "####.", "#....", "#....", "#####", ""]
      .map((row) => row.padEnd(5, ".")),
  );
  assert.deepEqual(
    drawn("η"),
    ["", "", "#.##.", "##..#", "#...#", "#...#", "....#", "....#"]
      .map((row) => row.padEnd(5, ".")),
  );
  assert.deepEqual(glyph(" "), [0, 0, 0, 0, 0]);
  assert.deepEqual(glyph("~"), [0x10, 8, 8, 0x10, 8]);
  for (const character of ["ö", "\n", "\x7f"]) {
    assert.deepEqual(glyph(character), [0x7f, 0x41, 0x41, 0x41, 0x7f]);
  }
});

Deno.test("glyph gives every printable character its own shape", () => {
  const characters = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index));
  assert.equal(new Set(characters.map((character) => glyph(character).join())).size, 95);
});

Deno.test("wrap breaks between words, and words longer than a line anywhere", () => {
  assert.deepEqual(wrap("step 1: 0.02 0.01", 12), ["step 1: 0.02", "0.01"]);
  assert.deepEqual(wrap("a bb abcdefgh cc", 3), ["a", "bb", "abc", "def", "gh", "cc"]);
  assert.deepEqual(wrap("abcdef", 3), ["abc", "def"]);
  assert.deepEqual(wrap("  ", 3), []);
});

Deno.test("isDrawable: what the font has", () => {
  assert.ok(["", "T-shirt ~ 3", "9.8 ± 2.4 % → η"].every(isDrawable));
  assert.ok(!["grün", "四", "\t"].some(isDrawable));
});

Deno.test("widthOf and fitted count wide characters as two letters", () => {
  assert.deepEqual(["abc", "四", "ü四a"].map(widthOf), [3, 2, 4]);
  assert.deepEqual(
    [fitted("abcdef", 6), fitted("abcdef", 5), fitted("四四四", 5), fitted("ab", 1)],
    ["abcdef", "abcd…", "四四…", "…"],
  );
  assert.deepEqual(wrap("四四 四", 5), ["四四", "四"]);
});

function drawn(character: string): string[] {
  const columns = glyph(character);
  return Array.from(
    { length: 8 },
    (_, row) => columns.map((bits) => bits >> row & 1 ? "#" : ".").join(""),
  );
}
