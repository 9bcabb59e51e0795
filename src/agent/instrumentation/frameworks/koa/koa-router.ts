import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import type { Library } from '../../loading/library.ts';
import {
  copyFunctionProperties,
  type Method,
  type MethodRecord,
  observePromise,
  wrapMethod,
} from '../../loading/method-patching.ts';
import { type KoaContext, storeKoaError } from './koa.ts';

/** What fails, for {@link guard}. */
const PART = 'the @koa/router instrumentation';

interface RouterClass {
  readonly prototype: MethodRecord;
}

/**
 * Stores the errors of routes before a middleware of the application catches them. The route itself is in the
 * context, see `koa.ts`.
 */
export const KOA_ROUTER: Library = {
  name: '@koa/router',
  category: 'framework',
  versions: { from: '12.0.0', to: 15 },
  measured: 'Route templates with all prefixes, and errors that routes throw.',
  limits:
    'If an ES module imports version 12, 13, or 14, routes are measured, but errors that application middleware catches are not stored.',
  bundledMessages: ['You have to provide a path when adding an all handler'],
  instrument: () => ({
    patches: { '': patchExports },
    modules: {
      'dist/index.mjs': { names: ['Router'], patch: ({ Router }) => patchRouter(Router) },
    },
  }),
};

function patchExports(exports: unknown): void {
  patchRouter((exports as { Router?: unknown }).Router ?? exports);
}

function patchRouter(routerClass: unknown): void {
  const { prototype } = routerClass as RouterClass;
  // In version 12, both names are the same function. Later, `routes` calls `middleware`.
  const isAlias = prototype.routes === prototype.middleware;
  wrapMethod(prototype, 'middleware', wrapMiddleware);
  if (isAlias) wrapMethod(prototype, 'routes', () => prototype.middleware!);
}

function wrapMiddleware(original: Method): Method {
  return function middleware(this: unknown, ...args: unknown[]) {
    const dispatch = original.apply(this, args);
    return observeDispatch(dispatch) ?? dispatch;
  };
}

const storeError = guard(PART, storeKoaError);

const observeDispatch = guard(PART, (dispatch: Method): Method => {
  const observed: Method = function (this: unknown, context: KoaContext, next) {
    const result = dispatch.call(this, context, next);
    if (!types.isPromise(result)) return result;
    return observePromise(result, ignore, (error) => storeError(context, error));
  };
  copyFunctionProperties(dispatch, observed);
  return observed;
});

function ignore(): void {}
