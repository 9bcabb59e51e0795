import type { IncomingMessage } from 'node:http';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { RouterFrame } from '../../requests/request-state.ts';

export interface Layer {
  /** Set only if the layer belongs to a route, not to middleware or a mounted router. */
  route?: unknown;
  match(path: string): unknown;
}

export interface Router {
  stack: Layer[];
  caseSensitive?: boolean;
  strict?: boolean;
  use(path: string, handler: () => void): unknown;
}

/** Properties that Express adds to a request. */
export type ExpressRequest = IncomingMessage & { readonly baseUrl?: string };

type LayerConstructor = new (
  path: unknown,
  options: { sensitive?: boolean | undefined; strict?: boolean | undefined; end: boolean },
  handler: () => void,
) => Layer;

/** One pattern that the application passed to `use` or to a route. */
interface LayerPattern {
  /** Layer of only this pattern. Undefined if the application passed only one. */
  readonly matcher: Layer | undefined;
  readonly template: string;
  /** Prefix of the last request. It rarely changes, so the full path is cached. */
  prefix: string | undefined;
  /** Full path of the route: `prefix` plus `template`. */
  path: string | undefined;
}

/** The route templates of a layer. */
class LayerRoute {
  readonly #isRoute: boolean;
  readonly #patterns: readonly LayerPattern[];

  constructor(layer: Layer, router: Router, path: unknown) {
    this.#isRoute = Boolean(layer.route);
    const given: unknown[] = Array.isArray(path) ? path.flat(Number.POSITIVE_INFINITY) : [path];
    // In Express 4, an empty array matches every path.
    const paths = given.length > 0 ? given : ['/'];
    this.#patterns = paths.map((each) => ({
      matcher: paths.length > 1 ? this.#createMatcher(layer, router, each) : undefined,
      template: String(each),
      prefix: undefined,
      path: undefined,
    }));
  }

  /** Returns the template with all mount paths, or undefined for middleware without a path. */
  getPath(request: ExpressRequest, frame: RouterFrame | undefined): string | undefined {
    const pattern = this.#findPattern(request, frame);
    const prefix = frame?.prefix ?? '';
    if (pattern.prefix !== prefix) {
      pattern.path = joinRoute(prefix, pattern.template, this.#isRoute);
      pattern.prefix = prefix;
    }
    return pattern.path;
  }

  /** Returns the first pattern that matches, as the layer does. */
  #findPattern(request: ExpressRequest, frame: RouterFrame | undefined): LayerPattern {
    const [first] = this.#patterns;
    if (this.#patterns.length === 1) return first!;
    const path = getPathInRouter(request, frame);
    return this.#patterns.find(({ matcher }) => matcher?.match(path)) ?? first!;
  }

  #createMatcher(layer: Layer, router: Router, path: unknown): Layer {
    const LayerClass = Object.getPrototypeOf(layer).constructor as LayerConstructor;
    const strict = this.#isRoute ? router.strict : false;
    const options = { sensitive: router.caseSensitive, strict, end: this.#isRoute };
    return new LayerClass(path, options, () => {});
  }
}

/** Field of a layer that stores its route. */
export class LayerRouteField extends ExistingObject {
  #route: LayerRoute;

  private constructor(layer: object, route: LayerRoute) {
    super(layer);
    this.#route = route;
  }

  static get(layer: object): LayerRoute | undefined {
    return #route in layer ? layer.#route : undefined;
  }

  /** @param path the path that the application passed: a string, a pattern, or an array of them */
  static set(layer: Layer, router: Router, path: unknown): void {
    const route = new LayerRoute(layer, router, path);
    if (#route in layer) layer.#route = route;
    else new LayerRouteField(layer, route);
  }
}

/** Returns the path that the router of the current layer matches. */
function getPathInRouter({ baseUrl, url }: ExpressRequest, frame: RouterFrame | undefined): string {
  // A layer with a path removes the path from the URL, and adds it to the base URL.
  const removed = String(baseUrl ?? '').slice(frame?.baseUrl.length ?? 0);
  const path = getPathname(String(url));
  return removed === '' ? path : removed + (path === '/' ? '' : path);
}

function getPathname(url: string): string {
  // A proxy request has an absolute URL.
  if (!url.startsWith('/')) return URL.parse(url)?.pathname ?? url;
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** Joins a prefix and a template. Middleware at `/` adds nothing, but a route at `/` does. */
function joinRoute(prefix: string, template: string, isRoute: boolean): string | undefined {
  const suffix = template === '/' ? '' : template;
  const base = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  const path = prefix === '' ? suffix : base + suffix;
  return path === '' && isRoute ? '/' : path || undefined;
}
