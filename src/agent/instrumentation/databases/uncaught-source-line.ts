import type { Method } from '../loading/method-patching.ts';

/**
 * Node.js prints the source line of an uncaught error, which is the line that called a native function or threw the
 * error. It prints no line if the line contains this text. So these functions must be called in the lines that call
 * the native function, or throw its error. Otherwise, Node.js would print a line of the agent.
 */
const withoutLine = {
  'node-do-not-add-exception-line': Reflect.apply,
  'node-do-not-add-exception-line of': (error: unknown): unknown => error,
};

/**
 * Calls a native function.
 *
 * @param onError called with `context` before the error reaches the caller. Must not throw.
 */
export function callNative<T>(
  original: Method,
  self: unknown,
  args: unknown[],
  onError: (context: T, error: unknown) => void,
  context: T,
): unknown {
  try {
    return withoutLine['node-do-not-add-exception-line'](original, self, args);
  } catch (error) {
    onError(context, error);
    throw withoutLine['node-do-not-add-exception-line of'](error);
  }
}
