import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, type Options, rateLimit } from 'express-rate-limit';
import { coded } from '../errors.ts';
import { callerOf } from './caller.ts';

const MINUTE_MS = 60_000;
/** Requests without a valid credential that an address may send in a minute. */
const MOST_REFUSED = 300;

/**
 * At most `perMinute` requests of each principal; to stand behind `authenticate`. One more is a 429
 * (PS_TOO_MANY_REQUESTS) with `Retry-After`. Each server counts for itself.
 */
export function limitRequests(perMinute: number): RequestHandler {
  return limiter({ limit: perMinute, keyGenerator: principalOrAddress });
}

/** The same for requests whose sender is not known: at most `perMinute` of each address. */
export function limitRefused(perMinute = MOST_REFUSED): RequestHandler {
  return limiter({ limit: perMinute, keyGenerator: addressOf });
}

function limiter(options: Partial<Options> & { limit: number }): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Behind a proxy all come from its address; who wants more apart sends a key.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (_request, response, next) => {
      const { limit } = options;
      const seconds = Number(response.getHeader('Retry-After') ?? MINUTE_MS / 1000);
      next(coded('PS_TOO_MANY_REQUESTS', { limit, seconds }));
    },
    ...options,
  });
}

function principalOrAddress(request: Request, response: Response): string {
  const { subject } = callerOf(response).principal;
  return subject === 'local' ? addressOf(request) : subject;
}

function addressOf(request: Request): string {
  return ipKeyGenerator(request.ip ?? '');
}
