const REGISTERED_KEY = Symbol.for('perfscope.registered');
const sharedGlobal = globalThis as { readonly [REGISTERED_KEY]?: boolean };

/** Whether the application was started with `--import …/register`, also of another copy of this package. */
export function isRegistered(): boolean {
  return sharedGlobal[REGISTERED_KEY] === true;
}

/** Marks this process. The property is not enumerable, so that the application doesn't notice it. */
export function markRegistered(): void {
  Object.defineProperty(globalThis, REGISTERED_KEY, { value: true });
}
