// text: names and values that would steer a terminal, fill a page or write Markdown of their own.
import assert from "node:assert/strict";
import { parse } from "yaml";
import { fenced, markdown, printable, quoted, shortened } from "../../src/base/text.ts";

Deno.test("printable escapes what steers a terminal, and nothing else", () => {
  const cases: Record<string, string> = {
    "\x1b]0;title\x07": "\\u001b]0;title\\u0007",
    "\x9b31m red": "\\u009b31m red",
    "a\rb\x7fc\0": "a\\u000db\\u007fc\\u0000",
    "exe\u202egpj.\u2066x": "exe\\u202egpj.\\u2066x",
    "one\u2028two": "one\\u2028two",
    "two\nlines\tof ü, 四, 👩‍👩‍👧 and −1": "two\nlines\tof ü, 四, 👩‍👩‍👧 and −1",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(printable(text), expected);
  const value = { name: "\x9b\u202e\x7f" };
  assert.deepEqual(JSON.parse(printable(JSON.stringify(value))), value);
});

Deno.test("quoted shows any value in one line of at most 80 characters", () => {
  assert.equal(quoted("a\nb\x1b"), '"a\\nb\\u001b"');
  assert.deepEqual([1, null, undefined, [1, "x"]].map(quoted), [
    "1",
    "null",
    "undefined",
    '[1,"x"]',
  ]);
  assert.equal(quoted("x".repeat(1e6)).length, 80);
  assert.equal(quoted("x".repeat(78)), `"${"x".repeat(78)}"`);
  assert.equal(shortened("x".repeat(81)), `${"x".repeat(79)}…`);
  const circular = parse("&all { name: *all }");
  assert.equal(quoted(circular), "[object Object]");
});

Deno.test("markdown shows a name and lets it do nothing", () => {
  assert.equal(markdown("hf:owner/name-2.0"), "hf:owner/name-2.0");
  assert.equal(markdown("fashion_mnist"), "fashion\\_mnist");
  assert.equal(
    markdown("[a](http://b) <img src=x> | `c` **d** &amp;\n# e\x1b"),
    "\\[a\\](http://b) \\<img src=x\\> \\| \\`c\\` \\*\\*d\\*\\* \\&amp; # e\\u001b",
  );
});

Deno.test("fenced text does not close its fence", () => {
  assert.equal(fenced("a: 1", "yaml"), "```yaml\na: 1\n```");
  assert.equal(
    fenced("a: |\n  ````\n  # title", "yaml"),
    "`````yaml\na: |\n  ````\n  # title\n`````",
  );
});
