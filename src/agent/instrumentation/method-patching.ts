/** Wraps `fn` so that its errors never reach the application. */
export function swallowErrors<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      fn(...args);
    } catch {
      // Losing a measurement is better than failing the application's operation.
    }
  };
}

// biome-ignore lint/suspicious/noExplicitAny: methods of library classes can have any types.
export type Method = (this: any, ...args: any[]) => any;
export type MethodRecord = Record<string, Method>;

/**
 * Replaces a method with a wrapper with the same name, length, and enumerability.
 *
 * @throws TypeError if the method does not exist or can't be replaced
 */
export function wrapMethod(
  target: object,
  name: string,
  wrapper: (original: Method) => Method,
): void {
  const original = (target as MethodRecord)[name];
  if (typeof original !== 'function') throw new TypeError(`method ${name} not found`);
  const wrapped = wrapper(original);
  Object.defineProperty(wrapped, 'name', { value: original.name, configurable: true });
  Object.defineProperty(wrapped, 'length', { value: original.length, configurable: true });
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, {
    value: wrapped,
    writable: true,
    configurable: true,
    enumerable: descriptor?.enumerable ?? false,
  });
}

/** Returns the object in the prototype chain that has `name` as its own property. */
export function findPropertyOwner(object: object, name: string): object | undefined {
  let owner: object | null = object;
  while (owner && !Object.hasOwn(owner, name)) {
    owner = Object.getPrototypeOf(owner) as object | null;
  }
  return owner ?? undefined;
}
