/** The parts of a browser that the web UI's modules use when they are loaded, and its history. Import it first. */

const BASE_URI = 'https://perfscope.example/tools/perfscope/';

let current = new URL(BASE_URI);

function visit(_state: unknown, _title: string, href: string): void {
  current = new URL(href, current);
}

const replaced: string[] = [];

Object.assign(globalThis, {
  document: { baseURI: BASE_URI, documentElement: { dataset: {} }, addEventListener: () => {} },
  location: {
    get pathname() {
      return current.pathname;
    },
    get search() {
      return current.search;
    },
    get href() {
      return current.href;
    },
  },
  history: {
    pushState: visit,
    replaceState: (state: unknown, title: string, href: string) => {
      replaced.push(href);
      visit(state, title, href);
    },
  },
  addEventListener: () => {},
  scrollTo: () => {},
  matchMedia: () => ({ matches: false, addEventListener: () => {} }),
});

/** Path and query of the URL. */
export const getUrl = (): string => current.pathname + current.search;

/** The URLs that replaced the current one, oldest first. */
export const getReplacements = (): readonly string[] => replaced;
