/** Nearest: the known word that a misspelled one was meant to be. */
import { closest, distance } from "npm:fastest-levenshtein@1.0.16";

/** The word of `known` that `word` differs from by the fewest letters; none where that is no misspelling. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const found = closest(word, known);
  return distance(word, found) <= Math.max(2, word.length / 3) ? found : undefined;
}
