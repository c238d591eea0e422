// Text that came from outside, made fit for where it goes: a terminal, a message, Markdown.

/** Characters that steer a terminal or turn text around, and separators that some take for new lines. */
const STEERING = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Characters of a value that a message shows. */
const MOST_SHOWN = 80;

/** Characters that mean something inside a line of Markdown, or in the HTML that it may contain. */
const MARKDOWN = /[\\`*_[\]<>&|~$]/g;

/**
 * Text with `\u001b` in place of an escape character, and likewise for all others that steer a
 * terminal; line feeds and tabs stay. JSON stays the same JSON.
 */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A value in a message: as JSON, in one line, without control characters, and not too long. */
export function quoted(value: unknown): string {
  return shortened(printable(jsonOf(value)));
}

/** The beginning of a text that is too long for a message. */
export function shortened(text: string): string {
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text;
}

/** A name as Markdown that shows it and does nothing else; in a heading, a line or a cell. */
export function markdown(name: string): string {
  return printable(name.replace(/\s+/g, " ").replace(MARKDOWN, "\\$&"));
}

/** Text between fences that it does not close itself, for Markdown. */
export function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value); // it contains itself, as YAML may, or no JSON
  }
}
