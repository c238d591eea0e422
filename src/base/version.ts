/** Version of Retort, from deno.json. */
import config from "../../deno.json" with { type: "json" };

/** Retort's version. */
export const version: string = config.version;
