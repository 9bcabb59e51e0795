import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, type Options, rateLimit } from 'express-rate-limit';
import { createError } from '../../../core/errors.ts';
import { getPrincipal } from './authorization-middleware.ts';

const MINUTE_MS = 60_000;
/** Requests without a valid credential that an address may send in a minute. */
const MAX_REJECTED_PER_MINUTE = 300;

/**
 * At most `perMinute` requests of each principal; to stand behind `authenticate`. One more is a 429
 * (PS_TOO_MANY_REQUESTS) with `Retry-After`. Each server counts for itself.
 */
export function limitRequests(perMinute: number): RequestHandler {
  return createLimiter({ limit: perMinute, keyGenerator: getPrincipalOrAddress });
}

/** The same for requests whose sender is not known: at most `perMinute` of each address. */
export function limitRejectedRequests(perMinute = MAX_REJECTED_PER_MINUTE): RequestHandler {
  return createLimiter({ limit: perMinute, keyGenerator: getClientAddress });
}

function createLimiter(options: Partial<Options> & { limit: number }): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Behind a proxy all come from its address; who wants more apart sends a key.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (_request, response, next) => {
      const { limit } = options;
      const seconds = Number(response.getHeader('Retry-After') ?? MINUTE_MS / 1000);
      next(createError('PS_TOO_MANY_REQUESTS', { limit, seconds }));
    },
    ...options,
  });
}

function getPrincipalOrAddress(request: Request, response: Response): string {
  const { subject } = getPrincipal(response).principal;
  return subject === 'local' ? getClientAddress(request) : subject;
}

function getClientAddress(request: Request): string {
  return ipKeyGenerator(request.ip ?? '');
}
