import type { IncomingMessage } from 'node:http';
import { getRequestState, type RequestState, readHeader } from '../../requests/request-state.ts';

/** Values of `http.route` for responses that no page or route handler sends. */
const STATIC_FILE = '(static)';
const NOT_FOUND = '(not found)';
const MIDDLEWARE = '(middleware)';
const REDIRECT = '(redirect)';
const REWRITE = '(external rewrite)';

/** Names of files, by their type in `lib/router-utils/filesystem.js`. */
const FILE_ROUTES: Readonly<Record<string, string>> = {
  nextImage: '/_next/image',
  nextStaticFolder: '/_next/static/*',
  legacyStaticFolder: '/static/*',
  publicFolder: STATIC_FILE,
  devVirtualFsItem: '/_next/*',
};

/** Pages that Next.js renders for errors. They don't replace the route of the page that failed. */
const ERROR_PAGES = new Set(['/_error', '/_not-found', '/_global-error', '/404', '/500']);

/** Suffix of a server action, which is a POST request to its page. */
const ACTION = ' (action)';

/** A request of Node.js, or the wrapper of Next.js. */
export type NextRequest = IncomingMessage | { readonly originalRequest: IncomingMessage };

/** The result of `resolveRoutes`. */
export interface ResolvedRoute {
  readonly finished?: boolean;
  readonly statusCode?: number;
  readonly bodyStream?: unknown;
  readonly parsedUrl?: { readonly protocol?: string | null };
  readonly matchedOutput?: { readonly type: string; readonly itemPath: string } | null;
}

/** A page or route handler that Next.js has loaded. */
export interface LoadedPage {
  readonly components?: { readonly routeModule?: { readonly definition?: { kind?: unknown } } };
}

/** Returns the state of an open request. */
export function getNextState(request: NextRequest): RequestState | undefined {
  return getRequestState('originalRequest' in request ? request.originalRequest : request);
}

/**
 * Returns the name of the response that the router has chosen.
 *
 * @returns the template of a page, such as `/rooms/[id]`, or the name of a kind of response
 */
export function nameResolvedRoute(route: ResolvedRoute): string {
  const { matchedOutput, statusCode = 0 } = route;
  if (route.bodyStream) return MIDDLEWARE;
  if (statusCode > 300 && statusCode < 400) return REDIRECT;
  if (matchedOutput) return FILE_ROUTES[matchedOutput.type] ?? toTemplate(matchedOutput.itemPath);
  if (!route.finished) return NOT_FOUND;
  return route.parsedUrl?.protocol ? REWRITE : MIDDLEWARE;
}

/** Returns whether the response is an image of `next/image`, which Next.js 15 or newer sends as an attachment. */
export function isOptimizedImage({ matchedOutput }: ResolvedRoute): boolean {
  return matchedOutput?.type === 'nextImage';
}

/**
 * Returns the name of a page that is rendered, or undefined for an error page.
 *
 * @param path path of the page, such as `/rooms/[id]`
 */
export function namePage(path: string, page: LoadedPage, state: RequestState): string | undefined {
  if (ERROR_PAGES.has(path)) return undefined;
  const template = toTemplate(path);
  if (state.method !== 'POST') return template;
  const kind = page.components?.routeModule?.definition?.kind;
  return kind === 'APP_PAGE' && isAction(state) ? template + ACTION : template;
}

/** The pages router names its start page `/index`. */
function toTemplate(path: string): string {
  return path === '/index' ? '/' : path;
}

/** Browsers without JavaScript send an action as a form. */
function isAction(state: RequestState): boolean {
  const type = readHeader(state, 'content-type');
  return (
    readHeader(state, 'next-action') !== undefined ||
    (typeof type === 'string' && type.startsWith('multipart/form-data'))
  );
}
