// usage_error: the error for a bad recipe or a bad option, which the command line turns into exit status 2.

/** What the user asked for cannot be done as asked; the message says what was got and expected. */
export class UsageError extends Error {
  /** The name shown in a stack trace. */
  override name = "UsageError";
}
