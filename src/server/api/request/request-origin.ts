import type { IncomingHttpHeaders } from 'node:http';
import type { Request } from 'express';
import { isLoopbackHost } from '../../../core/loopback.ts';
import { findProxyUser } from '../../access/peer-user.ts';

/**
 * Names of headers that proxies, load balancers, and content delivery networks add. Clients on the
 * same machine don't send them. Headers for tracing aren't included, because applications send them.
 */
const PROXY_HEADER_PATTERN = new RegExp(
  `^(?:${[
    'via|forwarded|max-forwards|early-data|cdn-loop|surrogate-capability|front-end-https',
    'x-(?:forwarded|original|envoy|amz-cf|appengine|arr|azure|varnish|proxy|ssl|accel)(?:-.*)?',
    'x-(?:real-ip|client-ip|client-cert|cluster-client-ip|host|port|scheme|url-scheme|rewrite-url|script-name)',
    'x-(?:request-start|queue-start|remote-(?:addr|ip|user)|auth-request-.*|sendfile-type)',
    '(?:cf|fly|fastly|proxy|ssl|akamai|do|incap)-.*',
    '(?:true-|wl-proxy-)?client-ip|remote-(?:addr|user)',
  ].join('|')})$`,
);

const HOST_PATTERN = /^(\[[\da-f:.]+\]|[\da-z.-]+)(?::\d{1,5})?$/i;

const MAX_HOST_LENGTH = 260;

/**
 * Returns why a request might not come directly from a user of this machine. Returns undefined for
 * direct requests. Other requests can also reach the loopback address. A website can make the browser
 * send a request, either cross-site or to a domain that resolves to 127.0.0.1. A local proxy can
 * forward requests from anywhere.
 *
 * @returns the end of a sentence, such as `the request has a Via header`
 */
export function findIndirectReason(request: Request): string | undefined {
  const reason = findForwardingSign(request) ?? findForeignSite(request);
  if (reason !== undefined) return reason;
  const user = findProxyUser(request.socket);
  return user === undefined ? undefined : `the client runs as ${user}, the user of a proxy`;
}

/**
 * Returns whether the network can't change the response, because it is sent over HTTPS or doesn't
 * leave this machine. A proxy reports HTTPS in `X-Forwarded-Proto` or `Forwarded`. A
 * client that forges these headers weakens only its own check.
 */
export function isSecureRequest(request: Request): boolean {
  return (
    request.secure ||
    getForwardedProtocol(request) === 'https' ||
    findForwardingSign(request) === undefined
  );
}

/**
 * Returns the address of the server as the client knows it, such as `http://localhost:4001`. Returns undefined if the
 * request has no valid Host header. The client chooses the address, so it must be sent only to the client itself.
 */
export function getRequestUrl(request: Request): string | undefined {
  const { host = '' } = request.headers;
  if (host.length > MAX_HOST_LENGTH || !HOST_PATTERN.test(host)) return undefined;
  const isHttps = request.secure || getForwardedProtocol(request) === 'https';
  return `${isHttps ? 'https' : 'http'}://${host}`;
}

/** Returns a sign that another machine sent the request, or that a proxy forwarded it. */
function findForwardingSign(request: Request): string | undefined {
  const { headers, httpVersion, originalUrl, rawHeaders, socket } = request;
  if (!isLoopbackHost(socket.remoteAddress ?? '')) return 'it comes from another machine';
  // Older nginx versions and other simple proxies use HTTP/1.0 by default.
  if (httpVersion !== '1.1') return `it uses HTTP/${httpVersion}, as proxies do`;
  if (!originalUrl.startsWith('/')) return 'its target is a complete URL, as for proxies';
  const hostCount = rawHeaders.filter((text, i) => i % 2 === 0 && /^host$/i.test(text)).length;
  if (hostCount > 1) return 'it has several Host headers';
  const [, hostname] = HOST_PATTERN.exec(headers.host ?? '') ?? [];
  if (hostname === undefined || !isLoopbackHost(hostname)) {
    return 'its Host header is not a loopback address';
  }
  const proxyHeader = Object.keys(headers).find((name) => PROXY_HEADER_PATTERN.test(name));
  return proxyHeader === undefined ? undefined : `it has the proxy header ${proxyHeader}`;
}

/** Returns a sign that a page of another origin made a browser send the request. */
function findForeignSite({ headers }: Request): string | undefined {
  const { host, origin, referer } = headers;
  const ownOrigin = `http://${host}`;
  if (origin !== undefined && origin !== ownOrigin) return 'its Origin header is another website';
  if (isSentByOtherSite(headers)) return 'another website sent it';
  if (referer !== undefined && referer !== ownOrigin && !referer.startsWith(`${ownOrigin}/`)) {
    return 'its Referer header is another website';
  }
  return undefined;
}

/**
 * Returns whether a browser reports that a page of another site sent the request. `none` means the
 * address bar. Clients that aren't browsers don't send `Sec-Fetch-Site`.
 */
export function isSentByOtherSite(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'] ?? 'none';
  return site !== 'none' && site !== 'same-origin';
}

/** Returns the protocol between the client and the first proxy, in lower case. */
function getForwardedProtocol(request: Request): string | undefined {
  const [protocol] = request.get('x-forwarded-proto')?.split(',') ?? [];
  const [forwarded = ''] = request.get('forwarded')?.split(',') ?? [];
  const [, standardProtocol] = /(?:^|;)\s*proto\s*=\s*"?(\w+)/i.exec(forwarded) ?? [];
  return (protocol ?? standardProtocol)?.trim().toLowerCase();
}
