import type { Request, RequestHandler } from 'express';
import { isLoopbackHost } from '../../../core/loopback.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { Authenticator } from '../../access/check-credentials.ts';
import { setCaller } from './authorization-middleware.ts';
import { limitRejectedRequests } from './rate-limit-middleware.ts';

const RETRY_AFTER_S = 5;

/**
 * Authenticates a request and stores the caller for `getCaller`. Invalid credentials get a 401
 * response. If credentials can't be checked right now, the response is a 503, so senders keep their
 * data and retry.
 *
 * An address with more than `maxRejected` rejected requests per minute gets a 429 response. Requests
 * with valid credentials are exempt, because behind a proxy all callers share one address.
 */
export function authenticate(identify: Authenticator, maxRejected?: number): RequestHandler {
  const limit = limitRejectedRequests(maxRejected);
  return async (request, response, next) => {
    const credentials = {
      authorization: request.get('authorization'),
      apiKey: request.get('x-api-key'),
      isDirect: isDirectRequest(request),
    };
    const result = await identify(credentials);
    if ('principal' in result) {
      const isStillAllowed = async () => !('rejected' in (await identify(credentials)));
      setCaller(response, { principal: result.principal, isStillAllowed });
      next();
    } else if ('rejected' in result) {
      response.set('WWW-Authenticate', 'Bearer realm="perfscope"');
      const rejection = createError('PS_UNAUTHENTICATED', { reason: result.rejected });
      await limit(request, response, (error?: unknown) => next(error ?? rejection));
    } else {
      response.set('Retry-After', String(RETRY_AFTER_S));
      next(createError('PS_UNAVAILABLE', { reason: result.unavailable }));
    }
  };
}

/**
 * Returns whether a user of this machine sent the request. Other requests can also reach the
 * loopback address. A website can make the browser send a request, either cross-site or to a domain
 * that resolves to 127.0.0.1. A local proxy can forward requests from anywhere.
 */
function isDirectRequest(request: Request): boolean {
  const { host = '', origin } = request.headers;
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];
  return (
    isLoopbackUrl(`http://${host}`) &&
    (origin === undefined || isLoopbackUrl(origin)) &&
    request.get('sec-fetch-site') !== 'cross-site' &&
    forwarded.every((name) => request.headers[name] === undefined)
  );
}

function isLoopbackUrl(text: string): boolean {
  return URL.canParse(text) && isLoopbackHost(new URL(text).hostname);
}
