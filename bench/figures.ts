/**
 * Keeps this adapter's figures, or compares with those kept:
 *
 *   deno task bench:save      measures everything and writes bench/results/<adapter>.json
 *   deno task bench:compare   measures everything and prints the ratio of each time to the kept one
 */
import { Device } from "../src/gpu/mod.ts";
import { distillCases } from "./cases/distill.ts";
import { layerCases } from "./cases/layers.ts";
import { lossCases } from "./cases/losses.ts";
import { netCases } from "./cases/nets.ts";
import { type Figure, figuresOf, lineOf } from "./rate.ts";
import { describeRoofline, measureRoofline, type Roofline } from "./roofline.ts";

interface Kept {
  adapter: string;
  profile: string;
  commit: string;
  date: string;
  roofline: Roofline;
  figures: Figure[];
}

using device = await Device.open();
const slug = device.info.name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
const path = new URL(`results/${slug}.json`, import.meta.url);
const [mode = "compare", commit = "unknown"] = Deno.args;
const kept = mode === "compare" ? await readKept() : undefined;
const old = new Map(kept?.figures.map((figure) => [`${figure.group} ${figure.name}`, figure.us]));
if (kept) console.log(`Ratios to ${kept.commit} of ${kept.date} on ${kept.adapter}`);
const roofline = await measureRoofline(device);
console.log(describeRoofline(roofline));

const figures: Figure[] = [];
for (const casesOf of [layerCases, lossCases, netCases]) {
  take(await figuresOf(device, await casesOf(device), roofline));
}
for (const [recipe, networks] of [["quick"], ["quick", 8], ["mnist-fixed-10"]] as const) {
  take(await figuresOf(device, await distillCases(device, recipe, networks), roofline));
}
if (mode === "save") {
  const { name: adapter, profile } = device.info;
  const date = new Date().toISOString().slice(0, 10);
  const all: Kept = { adapter, profile, commit, date, roofline, figures };
  await Deno.mkdir(new URL("results/", import.meta.url), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(all, null, 2) + "\n");
}

async function readKept(): Promise<Kept> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot compare: got no figures of ${slug}; run deno task bench:save first`);
  }
}

function take(found: Figure[]): void {
  figures.push(...found);
  for (const figure of found) {
    const before = old.get(`${figure.group} ${figure.name}`);
    const ratio = before === undefined ? "" : `  ${(figure.us / before).toFixed(2)}×`;
    console.log(lineOf(figure) + ratio);
  }
}
