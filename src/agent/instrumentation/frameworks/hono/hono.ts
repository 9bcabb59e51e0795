import { guard } from '../../../../core/guard.ts';
import { isSupportedVersion, type Library, type LibraryHooks } from '../../loading/library.ts';
import { copyFunctionProperties, type Method } from '../../loading/method-patching.ts';
import { startHonoRequest, storeMatch } from './hono-request.ts';

/** What fails, for {@link guard}. */
const PART = 'the Hono instrumentation';

type AnyClass = new (...args: unknown[]) => object;
type OnCreate = (instance: object, args: readonly unknown[]) => void;

/** Versions that pass the matching handlers to `Context`. Older versions pass them to `HonoRequest`. */
const PASSES_MATCH_TO_CONTEXT = { from: '4.5.0', to: 4 };

/**
 * Stores the route and the errors of requests that `@hono/node-server` passes to a Hono app. All presets create one
 * `Context` per request. The agent replaces this class and no app, because each app has its own methods.
 */
export const HONO: Library = {
  name: 'hono',
  category: 'framework',
  versions: { from: '4.0.0', to: 4 },
  measured:
    'Route templates with all base paths, and errors that handlers and middleware throw, if `@hono/node-server` serves the app.',
  limits:
    'Errors that a `notFound` handler throws, and errors in a stream that has started, have no stack.',
  bundledMessages: [
    'Context is not finalized. Did you forget to return a Response object',
    'Context is not finalized. You may forget returning Response object',
  ],
  instrument: () => {
    const onContext = guard(PART, startHonoRequest);
    const onRequest = guard(PART, storeMatch);
    return {
      patches: {
        'dist/cjs/context.js': (exports) => patchExports(exports, 'Context', onContext),
        'dist/cjs/request.js': (exports, { version }) =>
          isSupportedVersion(version, PASSES_MATCH_TO_CONTEXT)
            ? undefined
            : patchExports(exports, 'HonoRequest', onRequest),
      },
      modules: {
        'dist/context.js': {
          names: ['Context'],
          patch: (variables) => {
            variables.Context = observeConstruction(variables.Context, onContext);
          },
        },
        'dist/request.js': {
          names: ['HonoRequest'],
          patch: (variables, { version }) => {
            if (isSupportedVersion(version, PASSES_MATCH_TO_CONTEXT)) return;
            variables.HonoRequest = observeConstruction(variables.HonoRequest, onRequest);
          },
        },
      },
    } satisfies LibraryHooks;
  },
};

function patchExports(exports: unknown, name: string, onCreate: OnCreate): unknown {
  const original = exports as Record<string, unknown>;
  const value = observeConstruction(original[name], onCreate);
  // Some versions define exports as getters, which can't be replaced.
  const descriptors = Object.getOwnPropertyDescriptors(original);
  descriptors[name] = { value, enumerable: true, configurable: true, writable: true };
  return Object.create(Object.getPrototypeOf(original) as object | null, descriptors);
}

/**
 * Returns a class that creates the same objects as `original`, with the same prototype.
 *
 * @param onCreate must not throw
 * @throws TypeError if `original` is not a class
 */
function observeConstruction(original: unknown, onCreate: OnCreate): AnyClass {
  if (typeof original !== 'function') throw new TypeError('class not found');
  const Original = original as AnyClass;
  const Observed = function (...args: unknown[]) {
    if ((new.target as unknown) !== Observed) {
      return Reflect.construct(Original, args, new.target as never) as object;
    }
    const instance = new Original(...args);
    onCreate(instance, args);
    return instance;
  } as unknown as AnyClass;
  copyFunctionProperties(original as Method, Observed as unknown as Method);
  Object.defineProperty(Observed, 'prototype', { value: Original.prototype, writable: false });
  return Observed;
}
