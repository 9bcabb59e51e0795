/** What is known of anything that was thrown. */
export interface Thrown {
  readonly type: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** Reads it without trusting it: whatever is thrown may be anything, and throw again when read. */
export function readThrown(thrown: unknown): Thrown {
  try {
    if (!(thrown instanceof Error)) {
      return { type: typeof thrown, message: shown(thrown), stack: undefined };
    }
    const { name, message, stack } = thrown;
    return {
      type: typeof name === 'string' && /^[\w.$]{1,100}$/.test(name) ? name : 'Error',
      message: String(message),
      stack: typeof stack === 'string' ? stack : undefined,
    };
  } catch {
    return { type: 'unknown', message: 'what was thrown cannot be read', stack: undefined };
  }
}

/** Objects by their kind only: their fields may hold anything. */
function shown(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  return Object.prototype.toString.call(thrown);
}
