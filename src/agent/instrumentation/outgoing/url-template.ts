import { AsyncLocalStorage } from 'node:async_hooks';
import { runGuarded } from '../../../core/guard.ts';

// On the global object, because `register` and the application can load separate copies.
const STORAGE_KEY = Symbol.for('perfscope.url-template');
const sharedGlobal = globalThis as { readonly [STORAGE_KEY]?: AsyncLocalStorage<string> };

/** What fails, for {@link runGuarded}. */
const PART = 'the URL templates';
const MAX_TEMPLATE_LENGTH = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern detects control characters.
const INVALID_CHARACTERS = /[?#\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Returns the template of the calls in the current asynchronous context. */
export function getUrlTemplate(): string | undefined {
  return sharedGlobal[STORAGE_KEY]?.getStore();
}

/** Runs `fn` exactly once. Without a valid template, its calls have no template. */
export function runWithUrlTemplate<T>(template: unknown, fn: () => T): T {
  if (!isTemplate(template)) return fn();
  const outer = runGuarded(PART, getUrlTemplate);
  runGuarded(PART, () => enterTemplate(template));
  try {
    return fn();
  } finally {
    runGuarded(PART, () => enterTemplate(outer));
  }
}

/** The storage is created on the first call, because a context costs time in each outgoing call. */
function enterTemplate(template: string | undefined): void {
  const storage = sharedGlobal[STORAGE_KEY] ?? new AsyncLocalStorage<string>();
  Object.defineProperty(globalThis, STORAGE_KEY, { value: storage, configurable: true });
  storage.enterWith(template as string);
}

/** A query, a fragment, or a complete URL isn't a template. */
function isTemplate(template: unknown): template is string {
  return (
    typeof template === 'string' &&
    template !== '' &&
    template.length <= MAX_TEMPLATE_LENGTH &&
    !INVALID_CHARACTERS.test(template) &&
    !template.includes('://')
  );
}
