/**
 * Returns the class of an error: its SQLSTATE or the Node.js error code, or its name. The message can contain values
 * of the query. Never throws.
 */
export function getDatabaseErrorType(error: unknown): string {
  const code = readErrorProperty(error, 'code');
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  const name = readErrorProperty(error, 'name');
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : '_OTHER';
}

/** Returns a property of an error, or undefined if its getter throws. A parser of the application can throw such an error. */
export function readErrorProperty(error: unknown, name: string): unknown {
  try {
    return (error as Record<string, unknown> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}

/**
 * Returns a function that returns the class of an error. For an error whose properties can't be read, it returns
 * `_OTHER`, so that the failed operation is counted.
 *
 * @param read can throw
 */
export function neverThrow(read: (error: unknown) => string): (error: unknown) => string {
  return (error) => {
    try {
      return read(error);
    } catch {
      return '_OTHER';
    }
  };
}
