import type { Request, RequestHandler } from 'express';
import { createError } from '../../../core/errors.ts';
import { isLoopbackHost } from '../../../core/loopback.ts';
import type { Authenticator } from '../../access/credential-authenticator.ts';
import { setPrincipal } from './authorization-middleware.ts';
import { limitRejectedRequests } from './rate-limit-middleware.ts';

const RETRY_AFTER_S = 5;

/**
 * Finds out who asks, for `callerOf`. Nobody known is a 401, and a 503 where it cannot be told
 * at the moment, so that senders keep what they have and try again. An address that is refused more
 * than `mostRefused` times a minute gets a 429; who brings a valid credential from there does not
 * notice, because behind a proxy all come from one address.
 */
export function authenticate(identify: Authenticator, mostRefused?: number): RequestHandler {
  const limit = limitRejectedRequests(mostRefused);
  return async (request, response, next) => {
    const presented = {
      authorization: request.get('authorization'),
      apiKey: request.get('x-api-key'),
      isDirect: isDirectRequest(request),
    };
    const identified = await identify(presented);
    if ('principal' in identified) {
      const stillAllowed = async () => !('refused' in (await identify(presented)));
      setPrincipal(response, { principal: identified.principal, stillAllowed });
      next();
    } else if ('refused' in identified) {
      response.set('WWW-Authenticate', 'Bearer realm="perfscope"');
      const refusal = createError('PS_UNAUTHENTICATED', { reason: identified.refused });
      await limit(request, response, (error?: unknown) => next(error ?? refusal));
    } else {
      response.set('Retry-After', String(RETRY_AFTER_S));
      next(createError('PS_UNAVAILABLE', { reason: identified.unavailable }));
    }
  };
}

/**
 * Whether somebody on this machine has sent it here. A page of the internet can make a browser do
 * so too, with a name of its own that it lets point to loopback, or across sites; and a proxy on
 * this machine brings requests from anywhere.
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
