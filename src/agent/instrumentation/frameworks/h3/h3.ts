import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import type { Library } from '../../loading/library.ts';
import {
  type Method,
  observeMethod,
  observePromise,
  wrapMethod,
} from '../../loading/method-patching.ts';
import type { RequestState } from '../../requests/request-state.ts';
import { observeApp, observeBase, observeRouter } from './h3-1.ts';
import {
  enterApp,
  getEventState,
  type H3Event,
  type MatchedRoute,
  storeError,
  storeMatch,
} from './h3-request.ts';

/** What fails, for {@link guard}. */
const PART = 'the h3 instrumentation';

/**
 * Stores the route that an app finds, and errors before h3 turns them into a response. Version 2 publishes its requests
 * on a channel only if the application uses a plugin, so the method of the base class is replaced. Version 1 has no
 * classes, so the functions that create apps and routers are replaced, see `h3-1.ts`.
 */
export const H3: Library = {
  name: 'h3',
  category: 'framework',
  versions: { from: '1.15.0', to: 2 },
  measured:
    'Route templates with the prefixes of nested apps and routers, and errors that handlers and middleware throw. Errors with a 4xx status are not failures.',
  limits:
    'In version 2, the prefix is missing if middleware calls another app through `withBase`. Use `mount`, or a route such as `/api/**`. Errors of the hook `onRequest` have no stack.',
  bundledMessages: ['Cannot find any route matching'],
  instrument: () => ({
    patches: {
      // Version 2 is an ES module.
      '': (exports, { version }) => (version.startsWith('1.') ? patchExports(exports) : undefined),
    },
    modules: {
      'dist/index.mjs': {
        names: ['createApp', 'createRouter', 'useBase'],
        patch: patchExports,
      },
      'dist/_entries/node.mjs': { names: CLASSES, patch: patchClasses },
      'dist/_entries/generic.mjs': { names: CLASSES, patch: patchClasses },
    },
  }),
};

/** Replaces the functions of version 1. A build can omit `useBase`. */
export function patchExports(exports: unknown): void {
  const functions = exports as Record<string, Method | undefined>;
  functions.createApp = observeApp(functions.createApp!);
  functions.createRouter = observeRouter(functions.createRouter!);
  if (functions.useBase) functions.useBase = observeBase(functions.useBase);
}

/** The classes of a copy. `H3` extends `H3Core`, and finds its routes itself. */
const CLASSES = ['H3', 'H3Core'] as const;
const patchedClasses = new WeakSet<object>();

/** The classes have several entry files. */
function patchClasses({ H3, H3Core }: Record<string, unknown>): void {
  const { prototype } = H3Core as { prototype: object };
  if (patchedClasses.has(prototype)) return;
  wrapMethod(prototype, 'handler', wrapHandler);
  observeMethod(PART, (H3 as { prototype: object }).prototype, '~findRoute', {
    after: (_app, match: { data?: MatchedRoute } | undefined, args) =>
      storeRoute(args[0] as H3Event, match?.data),
  });
  patchedClasses.add(prototype);
}

const enter = guard(PART, (event: H3Event): RequestState | undefined => {
  const state = getEventState(event);
  if (state) enterApp(state, event.url!.pathname);
  return state;
});

/** Stores the route that an app has found, before it calls the handler. */
function storeRoute(event: H3Event, matched: MatchedRoute | undefined): void {
  const state = matched && getEventState(event);
  if (!state) return;
  const { pathname } = event.url!;
  storeMatch(state, matched, (outerPath, template) => findPrefix(outerPath, template, pathname));
}

/** Returns the part of a template such as `/api/**` that a nested app doesn't get. */
function findPrefix(outerPath: string, template: string | undefined, path: string): string {
  if (outerPath === path || !outerPath.endsWith(path)) return '';
  const prefix = outerPath.slice(0, -path.length);
  return template?.startsWith(`${prefix}/`) ? prefix : '';
}

const storeThrown = guard(PART, storeError);

function wrapHandler(original: Method): Method {
  return function handler(this: unknown, ...args: unknown[]) {
    const state = enter(args[0] as H3Event);
    if (state === undefined) return original.apply(this, args);
    let result: unknown;
    try {
      result = original.apply(this, args);
    } catch (error) {
      storeThrown(state, error);
      throw error;
    }
    if (!types.isPromise(result)) return result;
    return observePromise(result, ignore, (error) => storeThrown(state, error));
  };
}

function ignore(): void {}
