/** Whatever goes wrong in `fn` is not the application's to see. */
export function swallowErrors<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      fn(...args);
    } catch {
      // A measurement is lost; the application's work is not.
    }
  };
}

// biome-ignore lint/suspicious/noExplicitAny: methods of other people's classes.
export type Method = (this: any, ...args: any[]) => any;
export type MethodRecord = Record<string, Method>;

/**
 * Replaces a method by one that looks the same from outside.
 *
 * @throws TypeError when it is not there, or can't be replaced
 */
export function wrapMethod(
  target: object,
  name: string,
  wrapper: (original: Method) => Method,
): void {
  const original = (target as MethodRecord)[name];
  if (typeof original !== 'function') throw new TypeError(`${name} is not there`);
  const wrapped = wrapper(original);
  Object.defineProperty(wrapped, 'name', { value: original.name, configurable: true });
  Object.defineProperty(wrapped, 'length', { value: original.length, configurable: true });
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, {
    value: wrapped,
    writable: true,
    configurable: true,
    enumerable: before?.enumerable ?? false,
  });
}
