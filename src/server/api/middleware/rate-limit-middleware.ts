import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, MemoryStore, type Options, rateLimit } from 'express-rate-limit';
import { MINUTE_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { isSharedSubject, type Principal } from '../../access/principal.ts';
import { getCaller } from './authorization-middleware.ts';

/** Allowed requests without valid credentials per address. */
const MAX_REJECTED_PER_MINUTE = 300;

/**
 * Requests per minute of an organization, as a multiple of the limit for one key. Otherwise, an
 * organization could create many keys to get more requests.
 */
const ORGANIZATION_FACTOR = 5;
/** Maximum number of principals or addresses that one limiter tracks. */
const MAX_TRACKED = 10_000;
const OTHERS = 'others';

/**
 * Counts requests for up to 10,000 principals or addresses. Further ones share one counter until the
 * next minute, so requests from many addresses can't fill the memory.
 */
export class BoundedMemoryStore extends MemoryStore {
  readonly #limit: number;

  constructor(limit = MAX_TRACKED) {
    super();
    this.#limit = limit;
  }

  override increment(key: string): ReturnType<MemoryStore['increment']> {
    const { current, previous } = this;
    const isKnown = current.has(key) || previous.has(key);
    const isFull = current.size + previous.size >= this.#limit;
    return super.increment(isKnown || !isFull ? key : OTHERS);
  }
}

/**
 * Limits requests per principal, so it must run after `authenticate`. Further requests get a 429
 * response (PS_TOO_MANY_REQUESTS) with `Retry-After`. Each server process counts separately.
 */
export function limitRequests(perMinute: number): RequestHandler {
  return createLimiter('key', { limit: perMinute, keyGenerator: getPrincipalOrAddress });
}

/**
 * Limits the requests of all principals of an organization together, to five times the limit of one
 * principal. It must run after `authenticate`.
 */
export function limitOrganizationRequests(perMinute: number): RequestHandler {
  return createLimiter('organization', {
    limit: ORGANIZATION_FACTOR * perMinute,
    keyGenerator: (_request, response) => getCaller(response).principal.organizationId ?? '',
    skip: (_request, response) => getCaller(response).principal.organizationId === undefined,
    // The headers show the limit of the key, which is usually reached first.
    standardHeaders: false,
  });
}

/** Limits unauthenticated requests per IP address. */
export function limitRejectedRequests(perMinute = MAX_REJECTED_PER_MINUTE): RequestHandler {
  return createLimiter('address', { limit: perMinute, keyGenerator: getClientAddress });
}

/** @param per what the limit applies to, for the error message */
function createLimiter(per: string, options: Partial<Options> & { limit: number }): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    store: new BoundedMemoryStore(),
    // The proxy's address is used on purpose. Callers who need separate limits send an API key.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (_request, response, next) => {
      const { limit } = options;
      const seconds = Number(response.getHeader('Retry-After') ?? MINUTE_MS / 1000);
      response.set('Retry-After', String(seconds));
      next(createError('PS_TOO_MANY_REQUESTS', { limit, per, seconds }));
    },
    ...options,
  });
}

function getPrincipalOrAddress(request: Request, response: Response): string {
  return getCallerId(request, getCaller(response).principal);
}

/** Returns the ID of a caller for limits: the subject, or the address of a caller without a key. */
export function getCallerId(request: Request, { subject }: Principal): string {
  return isSharedSubject(subject) ? getClientAddress(request) : subject;
}

function getClientAddress(request: Request): string {
  return ipKeyGenerator(request.ip ?? '');
}
