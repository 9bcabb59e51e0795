import type { Request, RequestHandler } from 'express';
import { LOCAL_TOKEN_HEADER } from '../../../core/config/server-discovery.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { Role } from '../../../core/person-and-roles.ts';
import type { Authenticator, RequestCredentials } from '../../access/check-credentials.ts';
import { findIndirectReason } from '../request/request-origin.ts';
import { setCaller } from './authorization-middleware.ts';
import { limitRejectedRequests } from './rate-limit-middleware.ts';

const RETRY_AFTER_S = 5;

export function getCredentials(request: Request): RequestCredentials {
  return {
    authorization: request.get('authorization'),
    apiKey: request.get('x-api-key'),
    localToken: request.get(LOCAL_TOKEN_HEADER),
    // Most requests contain a key, so their origin doesn't have to be checked.
    get indirectReason() {
      return findIndirectReason(request);
    },
  };
}

/**
 * Authenticates a request and stores the caller for `getCaller`. Invalid credentials get a 401
 * response. If credentials can't be checked right now, the response is a 503, so senders keep their
 * data and retry.
 *
 * An address with more than `maxRejected` rejected requests per minute gets a 429 response. Requests
 * with valid credentials are exempt, because behind a proxy all callers share one address.
 *
 * @param requiredRole role to create a key with, for the error message
 */
export function authenticate(
  identify: Authenticator,
  maxRejected?: number,
  requiredRole?: Role,
): RequestHandler {
  const limit = limitRejectedRequests(maxRejected);
  return async (request, response, next) => {
    const credentials = getCredentials(request);
    const result = await identify(credentials);
    if ('principal' in result) {
      const isStillAllowed = async () => !('rejected' in (await identify(credentials)));
      setCaller(response, { principal: result.principal, isStillAllowed });
      next();
    } else if ('rejected' in result) {
      response.set('WWW-Authenticate', 'Bearer realm="perfscope"');
      const rejection = createError('PS_UNAUTHENTICATED', {
        reason: result.rejected,
        requiredRole,
      });
      await limit(request, response, (error?: unknown) => next(error ?? rejection));
    } else {
      response.set('Retry-After', String(RETRY_AFTER_S));
      next(createError('PS_UNAVAILABLE', { reason: result.unavailable }));
    }
  };
}
