// advice: what was meant by a command line that is refused: an option under another name, or none.
import { type Command, CommanderError } from "npm:commander@15.1.0";
import type { Retort } from "./session.ts";

/** For a command's errors: throws one that says what to type where that can be told, else the same. */
export function advise(command: Command, retort: Retort) {
  return (error: CommanderError): never => {
    const message = optionMeant(command, error, retort) ?? wordMeant(command, retort) ??
      missingWord(command, error);
    throw message === undefined ? error : new CommanderError(2, error.code, message);
  };
}

/** An unknown option that is a setting of recipes, or another word for one or for an option. */
function optionMeant(
  command: Command,
  { message }: CommanderError,
  { RECIPE_SETTINGS, settingMeant }: Retort,
): string | undefined {
  const [, flag, name = ""] = /^error: unknown option '(--([\w-]+))/.exec(message) ?? [];
  if (flag === undefined || message.includes("Did you mean")) return undefined;
  const key = settingMeant(name.replaceAll("-", "_"), RECIPE_SETTINGS);
  if (key === undefined) return undefined;
  const option = `--${key.replaceAll("_", "-")}`;
  const expected = has(command, option)
    ? `${option} VALUE`
    : has(command, "--set")
    ? `--set ${key}=VALUE`
    : undefined;
  return expected && `Cannot use ${flag}: got an unknown option, expected ${expected}`;
}

/** A word where a command takes none: the value of an option that was left out. */
function wordMeant(command: Command, { listRecipes }: Retort): string | undefined {
  const word = command.args[command.registeredArguments.length];
  if (word === undefined || word.startsWith("-")) return undefined;
  const isRecipe = /\.ya?ml$/.test(word) || listRecipes().some(({ name }) => name === word);
  if (command.name() === "recipes") {
    return isRecipe
      ? `Cannot run recipes ${word}: got a recipe, expected recipes show ${word}`
      : undefined;
  }
  const options = (isRecipe ? ["--recipe"] : ["--recipe", "--dataset"])
    .filter((option) => has(command, option)).map((option) => `${option} ${word}`);
  if (options.length === 0) return undefined;
  return `Cannot run ${command.name()} ${word}: got a word without its option, expected ` +
    options.join(" or ");
}

/** A word that a command needs and did not get. */
function missingWord(command: Command, { code }: CommanderError): string | undefined {
  if (code !== "commander.missingArgument") return undefined;
  const missing = command.registeredArguments[command.args.length];
  if (missing === undefined) return undefined;
  const path = command.parent?.parent
    ? `${command.parent.name()} ${command.name()}`
    : command.name();
  return `Cannot run ${path}: got no ${missing.name()}, expected ${missing.description}`;
}

function has(command: Command, option: string): boolean {
  return command.options.some(({ long }) => long === option);
}
