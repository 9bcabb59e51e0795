const REGISTERED_KEY = Symbol.for('perfscope.registered');

/** Whether the application was started with `--import …/register`, also of another copy of this package. */
export function isRegistered(): boolean {
  return Object.hasOwn(globalThis, REGISTERED_KEY);
}

/** Marks this process. The property is not enumerable, so that the application doesn't notice it. */
export function markRegistered(): void {
  Object.defineProperty(globalThis, REGISTERED_KEY, { value: true });
}
