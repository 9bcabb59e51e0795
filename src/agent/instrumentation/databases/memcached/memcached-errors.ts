import { getDatabaseErrorType, readErrorProperty } from '../error-types.ts';

/** Starts of messages of the library, whose errors have no code. */
const MESSAGE_TYPES: readonly (readonly [pattern: RegExp, errorType: string])[] = [
  [/^Argument "|^The key should not/, 'invalid_argument'],
  [/^Received an ERROR response/, 'ERROR'],
  [/^Server at /, 'unavailable'],
  [/^Connection readyState/, 'connection_closed'],
  [/^Timed out while/, 'timeout'],
  [/^The connection pool is full/, 'pool_full'],
  [/^over queue limit/, 'queue_full'],
  [/^Unknown response/, 'unknown_response'],
];

/**
 * Returns the class of an error, or undefined for no error. An item that isn't stored is not an error. The messages of the
 * server can contain values. Never throws.
 *
 * @param error an error, a text, or a list of errors
 */
export function getMemcachedErrorType(error: unknown): string | undefined {
  const first: unknown = Array.isArray(error) ? error[0] : error;
  if (first === undefined || first === null || first === false) return undefined;
  if (readErrorProperty(first, 'notStored') === true) return undefined;
  if (typeof readErrorProperty(first, 'code') === 'string') return getDatabaseErrorType(first);
  const message = typeof first === 'string' ? first : readErrorProperty(first, 'message');
  if (typeof message !== 'string') return '_OTHER';
  const known = MESSAGE_TYPES.find(([pattern]) => pattern.test(message));
  // All other errors of the library are replies of the server.
  return known?.[1] ?? 'CLIENT_ERROR';
}
