import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Why a request ended. `serverClosed` and `serverFailed` mean that the server closed the connection
 * before the response was complete: without or with an error.
 */
export type EndReason =
  | 'finished'
  | 'clientClosed'
  | 'serverClosed'
  | 'serverFailed'
  | 'processEnded';

const PEER_ERROR_CODES = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTCONN',
  'EPIPE',
  'EPROTO',
  'ERR_HTTP_REQUEST_TIMEOUT',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_STREAM_WRITE_AFTER_END',
  'ETIMEDOUT',
]);
/** Codes of invalid HTTP and of TLS errors. */
const PEER_ERROR_PREFIX = /^(?:HPE_|ERR_SSL_|ERR_TLS_)/;

/** Returns whether an error of a connection is caused by the client or the network. */
export function isPeerError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && (PEER_ERROR_CODES.has(code) || PEER_ERROR_PREFIX.test(code));
}

/** Returns whether the client has closed the connection, or the network has failed. */
export function isClosedByPeer(socket: Socket): boolean {
  return socket.readableEnded || isPeerError(socket.errored);
}

/** Returns the error that destroyed a response, or undefined. The application can replace the getter by one that throws. */
export function readResponseError(response: Pick<ServerResponse, 'errored'>): unknown {
  try {
    return response.errored ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns who closed the connection of an incomplete response. Call it when the socket has closed,
 * before the application's listeners run.
 *
 * A client that closes the connection ends the readable side of the socket, or causes an error such
 * as ECONNRESET. Node.js stops reading when the server destroys the socket, so the readable side
 * then doesn't end. `response.errored` is set only if the server's code destroyed the response.
 */
export function findEndReason(
  socket: Socket,
  response: Pick<ServerResponse, 'errored' | 'writableFinished'>,
): EndReason {
  if (response.writableFinished) return 'finished';
  if (socket.readableEnded) return 'clientClosed';
  if (readResponseError(response)) return 'serverFailed';
  if (isPeerError(socket.errored)) return 'clientClosed';
  return socket.errored ? 'serverFailed' : 'serverClosed';
}
