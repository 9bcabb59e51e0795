import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { createError } from '../../../core/perfscope-error.ts';
import { isSentByOtherSite } from './request-origin.ts';

/**
 * Rejects a GET that another website triggered, or that a browser sent in advance. Use it for every
 * endpoint whose GET has side effects. Clients that aren't browsers, such as curl, send none of these
 * headers. Rejected requests get a 403 response (PS_CROSS_SITE).
 */
export const rejectCrossSiteGet: RequestHandler = (request, _response, next) => {
  if (request.method !== 'GET' || isOwnRequest(request.headers)) return next();
  throw createError('PS_CROSS_SITE', { path: request.path });
};

/**
 * Returns whether the headers allow a side effect. `Sec-Fetch-Site` is decisive if it is
 * `same-origin`, because a proxy can change `Host`. A page can't set this header.
 */
export function isOwnRequest(headers: IncomingHttpHeaders): boolean {
  const { origin, referer, host = '' } = headers;
  const purpose = `${headers['sec-purpose'] ?? ''} ${headers.purpose ?? ''}`;
  if (purpose.includes('prefetch')) return false;
  if (isSentByOtherSite(headers)) return false;
  if (headers['sec-fetch-site'] === 'same-origin') return true;
  return [origin, referer].every((url) => url === undefined || hasHost(url, host));
}

function hasHost(url: string, host: string): boolean {
  return URL.canParse(url) && new URL(url).host === host.toLowerCase();
}
