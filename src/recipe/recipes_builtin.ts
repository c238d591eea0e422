// recipes_builtin: the recipes that come with the program, as text inside it; others are files.
import { parse, YAMLError } from "npm:yaml@2.9.1";
import adaptMnistUsps from "../../recipes/adapt-mnist-usps.yaml" with { type: "text" };
import adaptMnistUspsFixed from "../../recipes/adapt-mnist-usps-fixed.yaml" with { type: "text" };
import adaptUspsMnist from "../../recipes/adapt-usps-mnist.yaml" with { type: "text" };
import adaptUspsMnistSmall from "../../recipes/adapt-usps-mnist-small.yaml" with { type: "text" };
import adaptUspsMnistFixed from "../../recipes/adapt-usps-mnist-fixed.yaml" with { type: "text" };
import adaptSvhnMnist from "../../recipes/adapt-svhn-mnist.yaml" with { type: "text" };
import adaptSvhnMnistFixed from "../../recipes/adapt-svhn-mnist-fixed.yaml" with { type: "text" };
import attackCifar10 from "../../recipes/attack-cifar10.yaml" with { type: "text" };
import attackMnist from "../../recipes/attack-mnist.yaml" with { type: "text" };
import cifar10Fixed from "../../recipes/cifar10-fixed-100.yaml" with { type: "text" };
import cifar10FixedSmall from "../../recipes/cifar10-fixed-100-small.yaml" with { type: "text" };
import cifar10Random from "../../recipes/cifar10-random-100.yaml" with { type: "text" };
import cifar10RandomSmall from "../../recipes/cifar10-random-100-small.yaml" with { type: "text" };
import fixed10 from "../../recipes/mnist-fixed-10.yaml" with { type: "text" };
import fixed100 from "../../recipes/mnist-fixed-100.yaml" with { type: "text" };
import fineTune from "../../recipes/fine-tune-alexnet.yaml" with { type: "text" };
import moonsAll from "../../recipes/moons-all.yaml" with { type: "text" };
import moonsLinear from "../../recipes/moons-linear.yaml" with { type: "text" };
import moonsMoreNonlinear from "../../recipes/moons-more-nonlinear.yaml" with { type: "text" };
import moonsNonlinear from "../../recipes/moons-nonlinear.yaml" with { type: "text" };
import strong10 from "../../recipes/mnist-strong-10.yaml" with { type: "text" };
import random100 from "../../recipes/mnist-random-100.yaml" with { type: "text" };
import random100Small from "../../recipes/mnist-random-100-small.yaml" with { type: "text" };
import dc1 from "../../recipes/mnist-dc-1.yaml" with { type: "text" };
import dc10 from "../../recipes/mnist-dc-10.yaml" with { type: "text" };
import dsa10 from "../../recipes/mnist-dsa-10.yaml" with { type: "text" };
import dm1 from "../../recipes/mnist-dm-1.yaml" with { type: "text" };
import dm10 from "../../recipes/mnist-dm-10.yaml" with { type: "text" };
import dcConvnet10 from "../../recipes/mnist-dc-10-convnet3.yaml" with { type: "text" };
import kip10 from "../../recipes/mnist-kip-10.yaml" with { type: "text" };
import kip100 from "../../recipes/mnist-kip-100.yaml" with { type: "text" };
import kip500 from "../../recipes/mnist-kip-500.yaml" with { type: "text" };
import labelSolve10 from "../../recipes/mnist-label-solve-10.yaml" with { type: "text" };
import quick from "../../recipes/quick.yaml" with { type: "text" };
import { nearest } from "../base/nearest.ts";
import { UsageError } from "../base/usage_error.ts";

/** YAML text of each built-in recipe, by name. */
const builtinRecipes: ReadonlyMap<string, string> = new Map([
  ["quick", quick],
  ["mnist-fixed-10", fixed10],
  ["mnist-fixed-100", fixed100],
  ["mnist-random-100", random100],
  ["mnist-strong-10", strong10],
  ["mnist-random-100-small", random100Small],
  ["mnist-kip-10", kip10],
  ["mnist-kip-100", kip100],
  ["mnist-kip-500", kip500],
  ["mnist-label-solve-10", labelSolve10],
  ["mnist-dc-1", dc1],
  ["mnist-dc-10", dc10],
  ["mnist-dsa-10", dsa10],
  ["mnist-dm-1", dm1],
  ["mnist-dm-10", dm10],
  ["mnist-dc-10-convnet3", dcConvnet10],
  ["cifar10-fixed-100", cifar10Fixed],
  ["cifar10-fixed-100-small", cifar10FixedSmall],
  ["cifar10-random-100", cifar10Random],
  ["cifar10-random-100-small", cifar10RandomSmall],
  ["adapt-usps-mnist-small", adaptUspsMnistSmall],
  ["adapt-mnist-usps", adaptMnistUsps],
  ["adapt-mnist-usps-fixed", adaptMnistUspsFixed],
  ["adapt-usps-mnist", adaptUspsMnist],
  ["adapt-usps-mnist-fixed", adaptUspsMnistFixed],
  ["adapt-svhn-mnist", adaptSvhnMnist],
  ["adapt-svhn-mnist-fixed", adaptSvhnMnistFixed],
  ["fine-tune-alexnet", fineTune],
  ["attack-mnist", attackMnist],
  ["attack-cifar10", attackCifar10],
  ["moons-linear", moonsLinear],
  ["moons-nonlinear", moonsNonlinear],
  ["moons-more-nonlinear", moonsMoreNonlinear],
  ["moons-all", moonsAll],
]);

/** A built-in recipe in a line. */
export interface RecipeSummary {
  /** Its name. */
  name: string;
  /** What it is for. */
  about: string;
  /** What it takes on two processor cores without a GPU, in words. */
  time: string;
}

/** The built-in recipes, as the comments at the top of their files have them. */
export function listRecipes(): RecipeSummary[] {
  return [...builtinRecipes].map(([name, text]) => {
    const [, about = ""] = /^# (.*?)(?:: |\n)/.exec(text) ?? [];
    const [, time = ""] = /^# Time: (.*)$/m.exec(text) ?? [];
    return { name, about, time };
  });
}

/** Letters of a recipe, at most; what is longer is another file. */
const MOST_LETTERS = 2 ** 17;

/** What a built-in recipe or else a YAML file says, not checked yet. */
export async function readRecipe(nameOrFile: string): Promise<unknown> {
  return parseYaml(builtinRecipes.get(nameOrFile) ?? await readText(nameOrFile), nameOrFile);
}

/**
 * What the YAML of a recipe says. Aliases are refused: a few lines of them make gigabytes, or a value that
 * is part of itself.
 *
 * @throws UsageError for text that is no YAML.
 */
export function parseYaml(text: string, source: string): unknown {
  const refuse = (got: string, next: string) =>
    new UsageError(
      `Cannot use recipe ${source}: got ${got}, expected a line "key: value" for each setting; ${next}`,
    );
  if (text.length > MOST_LETTERS) {
    throw refuse(`${text.length} letters`, `give a file of at most ${MOST_LETTERS}`);
  }
  try {
    return parse(text, { maxAliasCount: 0, logLevel: "error" });
  } catch (error) {
    if (error instanceof ReferenceError) {
      throw refuse("an alias (*name)", "write the value out where it is used");
    }
    if (!(error instanceof YAMLError)) throw error;
    const [{ line, col } = { line: 1, col: 1 }] = error.linePos ?? [];
    const what = error.code === "DUPLICATE_KEY" ? "a key for the second time" : "what is no YAML";
    throw refuse(`${what} at line ${line}, column ${col}`, "correct it");
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read recipe ${path}: ${whyUnread(path, error as Error)}`);
  }
}

function whyUnread(path: string, error: Error): string {
  if (error instanceof Deno.errors.IsADirectory) {
    return `got a folder, expected a YAML file; that of a run is ${path}/recipe.yaml`;
  }
  if (!(error instanceof Deno.errors.NotFound)) return error.message;
  const meant = nearest(path, [...builtinRecipes.keys()]);
  const expected = meant ?? "a YAML file or a built-in recipe";
  return `got neither a built-in recipe nor a file, expected ${expected}; \`recipes\` lists those built in`;
}
