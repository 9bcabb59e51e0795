import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, type Options, rateLimit } from 'express-rate-limit';
import { MINUTE_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { getCaller } from './authorization-middleware.ts';

/** Allowed requests without valid credentials per address. */
const MAX_REJECTED_PER_MINUTE = 300;

/**
 * Limits requests per principal, so it must run after `authenticate`. Further requests get a 429
 * response (PS_TOO_MANY_REQUESTS) with `Retry-After`. Each server process counts separately.
 */
export function limitRequests(perMinute: number): RequestHandler {
  return createLimiter({ limit: perMinute, keyGenerator: getPrincipalOrAddress });
}

/** Limits unauthenticated requests per IP address. */
export function limitRejectedRequests(perMinute = MAX_REJECTED_PER_MINUTE): RequestHandler {
  return createLimiter({ limit: perMinute, keyGenerator: getClientAddress });
}

function createLimiter(options: Partial<Options> & { limit: number }): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // The proxy's address is used on purpose. Callers who need separate limits send an API key.
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
  const { subject } = getCaller(response).principal;
  return subject === 'local' ? getClientAddress(request) : subject;
}

function getClientAddress(request: Request): string {
  return ipKeyGenerator(request.ip ?? '');
}
