// progress_line: a bar, the count of iterations and the state of a run, in as many columns as there are.

/** A bar of so many characters. */
function bar(size: number, share: number): string {
  const full = Math.round(size * Math.min(1, share));
  return "█".repeat(full) + "░".repeat(size - full);
}

/**
 * The longest line that fits into `columns`. The bar gives way first, then when the accuracy is of, the count and the
 * words; loss, accuracy and time left stay.
 *
 * @param state such as "loss 0.412, accuracy 87.3 % at iteration 100, 2 min 10 s left".
 */
export function progressLine(columns: number, value: number, total: number, state: string): string {
  const count = `${value}/${total}`;
  const undated = state.replace(/ at \w+ \d+/, "");
  const bare = undated.replace("accuracy ", "");
  const least = bare.replace("loss ", "");
  const lines = [
    ...[24, 8].map((size) => `${bar(size, value / total)} ${count}  ${state}`),
    ...[state, undated, bare].map((text) => `${count}  ${text}`),
    ...[state, undated, bare],
  ];
  return lines.find((line) => line.length <= columns) ?? least;
}
