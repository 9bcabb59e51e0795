import { signal } from '@preact/signals';

/** Path of the page below the server's public path, and the parameters of its query. */
export interface Location {
  /** Starts with `/`. */
  readonly path: string;
  readonly parameters: URLSearchParams;
}

/** Parameters of a view's path, such as the ID of an alert. */
export type ViewParameters = Readonly<Record<string, string>>;

/** Path under which the server is public. Starts and ends with `/`. */
const BASE_PATH = new URL(document.baseURI).pathname;
/** Base of the API's URLs, without a trailing slash. */
export const SERVER_URL = document.baseURI.replace(/\/$/, '');

/** The current location. */
export const currentLocation = signal(readLocation());

addEventListener('popstate', () => {
  currentLocation.value = readLocation();
});
document.addEventListener('click', followLink);

function readLocation(): Location {
  const { pathname, search } = location;
  const path = pathname.startsWith(BASE_PATH) ? pathname.slice(BASE_PATH.length - 1) : '/';
  return { path, parameters: new URLSearchParams(search) };
}

/** Returns the URL of a location for an `href` attribute. */
export function toHref(path: string, parameters: URLSearchParams): string {
  const query = formatParameters(parameters);
  return `${BASE_PATH}${path.slice(1)}${query && `?${query}`}`;
}

/** Keeps characters readable that a query doesn't have to escape, such as `/` and `:`. */
function formatParameters(parameters: URLSearchParams): string {
  return parameters
    .toString()
    .replaceAll(/%2F/g, '/')
    .replaceAll(/%3A/g, ':')
    .replaceAll(/%7B/g, '{')
    .replaceAll(/%7D/g, '}');
}

/**
 * Shows another location.
 *
 * @param replace replaces the current location, so that Back doesn't return to it
 */
export function navigate(href: string, { replace = false } = {}): void {
  const samePath = new URL(href, location.href).pathname === location.pathname;
  if (replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  currentLocation.value = readLocation();
  if (!samePath) scrollTo(0, 0);
}

/** Links of the page change the location without loading the page again. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.hasAttribute('download') || link.dataset.external !== undefined)
    return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || !url.pathname.startsWith(BASE_PATH)) return;
  if (url.hash && url.pathname === location.pathname) return;
  event.preventDefault();
  navigate(url.pathname + url.search);
}
