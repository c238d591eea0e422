/** Casing: keys of JSON are snake_case, as settings are; those of TypeScript are camelCase. */

/** The same value with every key in snake_case: `perClass` is `per_class`, `maxTextureDimension2D` `max_texture_dimension_2d`. */
export function snakeKeys(value: unknown): unknown {
  return withKeys(value, (key) => {
    if (!/[A-Z]/.test(key)) return key; // such as sigma_w2
    return key.replaceAll(/(?<=[a-z])(?=[A-Z0-9])/g, "_").toLowerCase();
  });
}

/** The same value with every key in camelCase. */
export function camelKeys(value: unknown): unknown {
  return withKeys(value, (key) => {
    return key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  });
}

function withKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => withKeys(each, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [rename(key), withKeys(each, rename)]),
  );
}
