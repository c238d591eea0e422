// setting_meant_test: the setting that a word means.
import assert from "node:assert/strict";
import { RECIPE_SETTINGS } from "../../src/recipe/recipe.ts";
import { settingMeant, SYNONYMS } from "../../src/recipe/setting_meant.ts";

Deno.test("settingMeant: a setting, another word for one, one misspelled, or none", () => {
  const meant = (key: string) => settingMeant(key, RECIPE_SETTINGS);
  assert.deepEqual(
    ["lr", "learning_rate", "stepz", "constructor", "nonsense"].map(meant),
    ["lr", "lr", "steps", undefined, undefined],
  );
});

Deno.test("every synonym is none of the settings, and stands for one", () => {
  for (const [word, setting] of Object.entries(SYNONYMS)) {
    assert.ok(!RECIPE_SETTINGS.includes(word) && RECIPE_SETTINGS.includes(setting), word);
  }
});
