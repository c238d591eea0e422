// A bitmap font of 5×8 pixels: printable ASCII and a few signs of the field.

/** Pixels from one letter to the next, at scale 1. */
export const ADVANCE = 6;
/** Height of a line of text in pixels, at scale 1: 7 above the baseline and 1 below. */
export const LINE_HEIGHT = 8;

/** Five columns a glyph, two hex digits a column, lowest bit on top; from space to tilde. */
const ASCII = "000000000000005f00000007000700147f147f14242a7f2a12231308646236495522500005030000" +
  "001c2241000041221c0014083e081408083e080800a0600000080808080800606000002010080402" +
  "3e5149453e00427f400042615149462141454b311814127f1027454545393c4a4949300171090503" +
  "3649494936064949291e003636000000563600000814224100141414141400412214080201510906" +
  "324979413e7e1111117e7f494949363e414141227f4141221c7f494949417f090909013e4149497a" +
  "7f0808087f00417f41002040413f017f081422417f404040407f020c027f7f0408107f3e4141413e" +
  "7f090909063e4151215e7f09192946464949493101017f01013f4040403f1f2040201f3f4038403f" +
  "631408146307087008076151494543007f41410002040810200041417f0004020102044040404040" +
  "000102040020545454787f484444383844444420384444487f3854545418087e09010218a4a4a47c" +
  "7f0804047800447d40002040443d007f1028440000417f40007c041804787c080404783844444438" +
  "fc2424241818242424fc7c080404084854545420043f4440203c4040207c1c2040201c3c4030403c" +
  "44281028441ca0a0a07c4464544c44000836410000007f000000413608001008081008";

const SIGNS: Record<string, string> = {
  "η": "3c080404f8",
  "·": "0000181800",
  "×": "0028102800",
  "±": "44445f4444",
  "−": "0808080808",
  "…": "6000600060",
  "→": "08082a1c08",
};

/** A character the font lacks: a hollow box. */
const MISSING = "7f4141417f";

/** The five columns of a character, each a byte with the top pixel in its lowest bit. */
export function glyph(character: string): number[] {
  const index = (character.codePointAt(0) ?? 0) - 0x20;
  const ascii = index >= 0 ? ASCII.slice(10 * index, 10 * index + 10) : "";
  const hex = SIGNS[character] ?? (ascii || MISSING);
  return Array.from(
    { length: 5 },
    (_, column) => parseInt(hex.slice(2 * column, 2 * column + 2), 16),
  );
}

/** Whether the font has every character of a text. */
export function isDrawable(text: string): boolean {
  return [...text].every((character) => character in SIGNS || /[ -~]/.test(character));
}

/** Characters that take the room of two, as those of Chinese and Japanese. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;

/** The width of a text in letters. */
export function widthOf(text: string): number {
  return [...text].reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}

/** What of a text fits into `columns` letters, with … for the rest. */
export function fitted(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let short = "";
  for (const character of text) {
    if (widthOf(short + character) > columns - 1) break;
    short += character;
  }
  return `${short}…`;
}

/** Breaks text between words, and long words anywhere, into lines of at most `columns` letters. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer) <= columns) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    for (; line.length > columns; line = line.slice(columns)) lines.push(line.slice(0, columns));
  }
  return line === "" ? lines : [...lines, line];
}
