import { guard } from '../../../../core/guard.ts';
import type { FilePatch } from '../../loading/library.ts';
import { type Method, observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { getCurrentRequestState, type RequestState } from '../../requests/request-state.ts';
import { observeRejection, PART, storeReport, storeThrown } from './next-errors.ts';
import { getNextState, type NextRequest } from './next-route.ts';

// Next.js 14 has no `onRequestError`, and only prints most errors.

/** Options for the pages of the app router. */
export interface RenderOptions {
  /** Undefined in production. The renderer then prints the errors itself. */
  appDirDevErrorLogger?: (error: unknown) => Promise<void>;
}

/** Stores the errors of pages and server actions of the app router. */
export function observeErrorLogger(options: RenderOptions, state: RequestState): void {
  const { appDirDevErrorLogger: original } = options;
  options.appDirDevErrorLogger = (error) => {
    storeReport(state, error);
    if (original !== undefined) return original(error);
    console.error(error);
    return Promise.resolve();
  };
}

const findCurrentState = guard(PART, getCurrentRequestState);

/** Stores the errors of route handlers, whose code runs in a span. */
export const patchTracer: FilePatch = (exports) => {
  const { getTracer } = exports as { getTracer: () => object };
  wrapMethod(Object.getPrototypeOf(getTracer()) as object, 'trace', (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const result: unknown = original.apply(this, args);
      if (args[0] !== 'AppRouteRouteHandlers.runHandler') return result;
      return observeRejection(result, findCurrentState());
    };
  });
};

/** The module of a page or an API route. */
interface RouteModule {
  readonly definition?: { readonly kind?: unknown };
  userland: { readonly default: Method };
}

const observedModules = new WeakSet<object>();

/** Stores the errors of API routes. */
export const patchModuleLoader: FilePatch = (exports) => {
  const { RouteModuleLoader } = exports as { RouteModuleLoader: object };
  observeMethod<unknown>(PART, RouteModuleLoader, 'load', {
    after: (_loader, result) => {
      const module = result as RouteModule;
      if (module.definition?.kind !== 'PAGES_API' || observedModules.has(module)) return;
      observedModules.add(module);
      const value = observeHandler(module.userland.default);
      module.userland = Object.create(module.userland, {
        default: { value, enumerable: true },
      }) as RouteModule['userland'];
    },
  });
};

const findState = guard(PART, (request: unknown) => getNextState(request as NextRequest));

function observeHandler(original: Method): Method {
  return function (this: unknown, ...args: unknown[]) {
    const state = findState(args[0]);
    try {
      return observeRejection(original.apply(this, args), state);
    } catch (error) {
      storeThrown(state, error);
      throw error;
    }
  };
}
