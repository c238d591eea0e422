// JSON in a text: read and checked in one go, so that what is no JSON is one more bad value.
import { z } from "npm:zod@4.6.7";

/** A text of JSON that `schema` takes; what it gives is the value. */
export function jsonText<T extends z.ZodType>(schema: T) {
  return z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "JSON" });
      return z.NEVER;
    }
  }).pipe(schema);
}
