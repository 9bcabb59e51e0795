import { guard } from '../../../core/guard.ts';
import type { Library } from '../loading/library.ts';
import { copyFunctionProperties, type Method } from '../loading/method-patching.ts';
import { type ContextOptions, startHonoRequest } from './hono-request.ts';

/** What fails, for {@link guard}. */
const PART = 'the Hono instrumentation';

type ContextClass = new (request: object, options?: ContextOptions) => object;

interface ContextModule {
  Context?: unknown;
}

/**
 * Stores the route and the errors of requests that `@hono/node-server` passes to a Hono app. All presets create one
 * `Context` per request. It is the only class that the agent replaces, because each app has its own methods.
 */
export const HONO: Library = {
  name: 'hono',
  category: 'framework',
  versions: { from: '4.5.0', to: 4 },
  measured:
    'Route templates with all base paths, and errors of handlers and middleware, if `@hono/node-server` serves the app.',
  limits:
    'Errors that a `notFound` handler throws, and errors in a stream that has started, have no stack.',
  bundledMessages: ['Context is not finalized. Did you forget to return a Response object'],
  instrument: () => ({
    patches: { 'dist/cjs/context.js': patchExports },
    modules: { 'dist/context.js': { names: ['Context'], patch: patchModule } },
  }),
};

function patchModule(variables: ContextModule): void {
  variables.Context = observeConstruction(variables.Context);
}

function patchExports(exports: unknown): unknown {
  const original = exports as ContextModule;
  const value = observeConstruction(original.Context);
  // Some versions define exports as getters, which can't be replaced.
  const descriptors = Object.getOwnPropertyDescriptors(original);
  descriptors.Context = { value, enumerable: true, configurable: true, writable: true };
  return Object.create(Object.getPrototypeOf(original) as object | null, descriptors);
}

/**
 * Returns a class that creates the same objects as `original`, with the same prototype.
 *
 * @throws TypeError if `original` is not a class
 */
function observeConstruction(original: unknown): ContextClass {
  if (typeof original !== 'function') throw new TypeError('class Context not found');
  const Original = original as ContextClass;
  const onCreate = guard(PART, startHonoRequest);
  const Context = function (request: object, options?: ContextOptions) {
    if ((new.target as unknown) !== Context) {
      return Reflect.construct(Original, [request, options], new.target as never) as object;
    }
    const context = new Original(request, options);
    if (options !== undefined) onCreate(context, request, options);
    return context;
  } as unknown as ContextClass;
  copyFunctionProperties(original as Method, Context as unknown as Method);
  Object.defineProperty(Context, 'prototype', { value: Original.prototype, writable: false });
  return Context;
}
