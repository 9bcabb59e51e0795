/** Returns the class name of an error for the attribute `error.type`. */
export function getErrorType(error: unknown): string {
  const name = (error as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && /^\w{1,64}$/.test(name) ? name : '_OTHER';
}

/** Returns the message and the stack of a thrown value. */
export function toErrorMessageAndStack(error: unknown): {
  message: string;
  stack: string | undefined;
} {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined };
  return { message: String(error.message), stack: error.stack };
}
