// recipes_command: lists the built-in recipes, and shows one with every setting.
import type { Outcome, Session } from "./session.ts";

/** What the built-in recipes are for, and what they cost. */
export function recipesCommand({ retort }: Session): Outcome {
  const recipes = retort.listRecipes();
  const width = Math.max(...recipes.map(({ name }) => name.length));
  return {
    values: { recipes },
    lines: [
      ...recipes.map(({ name, about, time }) =>
        `${name.padEnd(width)}  ${about}${time ? ` [${time}]` : ""}`
      ),
      "recipes show NAME prints every setting; times are of two processor cores without a GPU",
    ],
  };
}

/** A recipe, built-in or a file, with every setting as YAML. */
export async function showRecipeCommand({ retort }: Session, name: string): Promise<Outcome> {
  const recipe = await retort.loadRecipe(name, {});
  return { values: { ...recipe }, lines: [retort.recipeToYaml(recipe).trimEnd()] };
}
