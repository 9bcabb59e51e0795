import type { Request } from 'express';
import { isLoopbackHost } from '../../../core/loopback.ts';

/** Headers with which a proxy describes the original request. */
const FORWARDING_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
] as const;

/**
 * Returns whether a user of this machine sent the request. Other requests can also reach the
 * loopback address. A website can make the browser send a request, either cross-site or to a domain
 * that resolves to 127.0.0.1. A local proxy can forward requests from anywhere.
 */
export function isDirectRequest(request: Request): boolean {
  const { origin } = request.headers;
  return (
    isAddressedToLoopback(request) &&
    (origin === undefined || isLoopbackUrl(origin)) &&
    request.get('sec-fetch-site') !== 'cross-site'
  );
}

/**
 * Returns whether the network can't change the response, because it is sent over HTTPS or doesn't
 * leave this machine. A proxy reports HTTPS in `X-Forwarded-Proto` or `Forwarded`. A
 * client that forges these headers weakens only its own check.
 */
export function isSecureRequest(request: Request): boolean {
  const isFromThisMachine = isLoopbackHost(request.socket.remoteAddress ?? '');
  return (
    request.secure ||
    getForwardedProtocol(request) === 'https' ||
    (isFromThisMachine && isAddressedToLoopback(request))
  );
}

/** Returns whether the request has a loopback host and no proxy forwarded it. */
function isAddressedToLoopback({ headers }: Request): boolean {
  return (
    isLoopbackUrl(`http://${headers.host ?? ''}`) &&
    FORWARDING_HEADERS.every((name) => headers[name] === undefined)
  );
}

function isLoopbackUrl(text: string): boolean {
  return URL.canParse(text) && isLoopbackHost(new URL(text).hostname);
}

/** Returns the protocol between the client and the first proxy, in lower case. */
function getForwardedProtocol(request: Request): string | undefined {
  const [protocol] = request.get('x-forwarded-proto')?.split(',') ?? [];
  const [forwarded = ''] = request.get('forwarded')?.split(',') ?? [];
  const [, standardProtocol] = /(?:^|;)\s*proto\s*=\s*"?(\w+)/i.exec(forwarded) ?? [];
  return (protocol ?? standardProtocol)?.trim().toLowerCase();
}
