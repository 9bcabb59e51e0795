import type { Response } from 'express';

/** When the other names became deprecated, as in RFC 9745: `@` and the Unix time in seconds. */
const DEPRECATED_SINCE = '@1795737600';

/**
 * Sets `Deprecation` (RFC 9745) and `Perfscope-Notice` if a request contains deprecated names.
 *
 * @param notices one text for each name
 */
export function setDeprecationHeaders(response: Response, notices: readonly string[]): void {
  if (notices.length === 0) return;
  response.set('Deprecation', DEPRECATED_SINCE);
  response.set('Perfscope-Notice', notices.join(' '));
}
