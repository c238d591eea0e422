// recipes_command: lists the built-in recipes, and shows one with every setting.
import { type Outcome, type Session, table } from "./session.ts";

/** What the built-in recipes are for, and what they cost. */
export function recipesCommand({ retort }: Session): Outcome {
  const recipes = retort.listRecipes();
  return {
    values: { recipes },
    lines: [
      ...table([
        ["recipe", "time", "what it distils"],
        ...recipes.map(({ name, about, time }) => [name, time, about]),
      ]),
      "",
      "Times are of two processor cores without a GPU. recipes show NAME prints every setting.",
    ],
  };
}

/** A recipe, built-in or a file, with every setting as YAML. */
export async function showRecipeCommand({ retort }: Session, name: string): Promise<Outcome> {
  const recipe = await retort.loadRecipe(name, {});
  return { values: { ...recipe }, lines: [retort.recipeToYaml(recipe).trimEnd()] };
}
