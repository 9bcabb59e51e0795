import { copyText } from '../../../core/copy-text.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { type RequestState, readHeader } from './request-state.ts';

/** Names of requests that ran several operations, or none. */
export const BATCH = '(batch)';
export const INVALID = '(invalid)';
/** Replaces the names over the limit. */
const OTHER_NAME = '(other)';

/** Longer names are not kept. */
const MAX_NAME_LENGTH = 100;

/** Limits the names that clients choose, so that they can't fill the memory, or use up the series of other requests. */
export class NameLimit {
  readonly #names = new Map<string, string>();
  readonly #max: number;

  /** @param max maximum number of distinct names */
  constructor(max: number) {
    this.#max = max;
  }

  /** Returns a name, or `(other)` if it is too long or over the limit. */
  limit(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const isKept =
      this.#names.size < this.#max &&
      name.length <= MAX_NAME_LENGTH &&
      overhead.level < OverheadLevel.NO_NEW_SERIES;
    if (!isKept) return OTHER_NAME;
    // A name can be a part of a long text.
    const copy = copyText(name);
    this.#names.set(copy, copy);
    return copy;
  }

  get size(): number {
    return this.#names.size;
  }
}

/** Paths of GraphQL and tRPC that most applications use. They become the route if the server has no router. */
const USUAL_PATHS = /^(?:\/api)?\/(?:graphql|trpc)(?=[/?]|$)/;

const MAX_CACHED_NAMES = 2000;
/** Names of requests by route and operation. */
const cachedNames = new Map<string, Map<string, string>>();
let cachedCount = 0;

/**
 * Returns the name of a request that ran a GraphQL operation or a tRPC procedure, such as `/graphql query Rooms`.
 *
 * @param route template of the route, or undefined if the server has no router
 */
export function joinOperation(
  state: Pick<RequestState, 'request'>,
  route: string | undefined,
  operation: string,
): string {
  const path = route ?? readUsualPath(state) ?? '';
  const names = cachedNames.get(path);
  const cached = names?.get(operation);
  if (cached !== undefined) return cached;
  const name = path === '' ? operation : `${path} ${operation}`;
  if (cachedCount >= MAX_CACHED_NAMES) return name;
  cachedCount += 1;
  if (names === undefined) cachedNames.set(path, new Map([[operation, name]]));
  else names.set(operation, name);
  return name;
}

function readUsualPath(state: Pick<RequestState, 'request'>): string | undefined {
  const { originalUrl, url } = state.request as { originalUrl?: unknown; url?: unknown };
  const path = originalUrl ?? url ?? readHeader(state, ':path');
  return typeof path === 'string' ? USUAL_PATHS.exec(path)?.[0] : undefined;
}
