/** Finished: the last record of a run's log, which tells that the run came to its end. */
import { readIfPresent } from "../report/read_if_present.ts";
import { FILES } from "./artifact.ts";
import type { Gain } from "./evaluate.ts";

/** The accuracies that a finished run logged in its folder `dir`; undefined when there are none. */
export async function readGain(dir: string): Promise<Gain | undefined> {
  const text = await readIfPresent(`${dir}/${FILES.metrics}`) ?? "";
  for (const line of text.trimEnd().split("\n").reverse()) {
    if (!line.includes('"before"')) continue;
    const { before, after, attack } = JSON.parse(line);
    return { before, after, ...(attack && { attack }) };
  }
  return undefined;
}
