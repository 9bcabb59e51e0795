import { guard } from '../../../../core/guard.ts';
import type { Library } from '../../loading/library.ts';
import { copyFunctionProperties, type Method } from '../../loading/method-patching.ts';
import { getCurrentRequestState } from '../../requests/request-state.ts';
import { storePage } from './h3-request.ts';

/** What fails, for {@link guard}. */
const PART = 'the Nuxt instrumentation';

/** The location that a router has navigated to. The last record belongs to the page. */
interface Location {
  readonly matched: readonly { readonly path: string }[];
}

interface Router {
  afterEach(callback: (to: Location) => void): void;
}

/**
 * Names the pages of Nuxt. Nitro has one route for all pages, and each request has its own router. The build of an
 * application contains the package `vue-router` in `.output/server/node_modules`.
 */
export const VUE_ROUTER: Library = {
  name: 'vue-router',
  category: 'full-stack',
  versions: { from: '4.0.0', to: 5 },
  partOf: 'nitropack',
  measured: 'Templates of Nuxt pages, such as `/rooms/:id`.',
  instrument: () => ({
    modules: { 'dist/vue-router.mjs': { names: ['createRouter'], patch: patchExports } },
  }),
};

const observeRouter = guard(PART, (router: Router) => {
  const state = getCurrentRequestState();
  // Outside a request, the router belongs to something else than a page.
  if (state === undefined) return;
  const onNavigation = guard(PART, ({ matched }: Location) => {
    const path = matched.at(-1)?.path;
    if (path !== undefined && !state.ended) storePage(state, toTemplate(path));
  });
  router.afterEach(onNavigation);
});

function patchExports(exports: unknown): void {
  const functions = exports as Record<string, Method>;
  const original = functions.createRouter!;
  const createRouter: Method = function (this: unknown, ...args: unknown[]) {
    const router = original.apply(this, args) as Router;
    observeRouter(router);
    return router;
  };
  copyFunctionProperties(original, createRouter);
  functions.createRouter = createRouter;
}

/** Nuxt adds an empty pattern to each parameter, such as in `/rooms/:id()`. */
function toTemplate(path: string): string {
  return path.replaceAll('()', '');
}
