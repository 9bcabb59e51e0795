/** A response is a stream if its body stays open for longer after the first byte. */
export const MAX_BODY_MS = 1000;
/** A faster response is an ordinary one, even if the client allowed the server to wait. */
export const MIN_LONG_POLL_MS = 100;

const STREAM_TYPES =
  'text/event-stream|multipart/x-mixed-replace|application/(?:x-ndjson|json-seq|grpc)|video/|audio/';
/** Matches the raw headers of HTTP/1. It takes 40 ns for typical headers. */
const STREAM_HEADERS = new RegExp(
  `\\ncontent-(?:type: *(?:${STREAM_TYPES})|disposition: *attachment)`,
  'i',
);
const STREAM_TYPE = new RegExp(`^(?:${STREAM_TYPES})`, 'i');
const ATTACHMENT = /^attachment/i;

/** Returns whether the headers of an HTTP/1 response belong to a stream or a download. */
export function hasStreamHeaders(rawHeaders: string): boolean {
  return STREAM_HEADERS.test(rawHeaders);
}

/** Returns whether the headers of an HTTP/2 response belong to a stream or a download. */
export function hasStreamHeaderFields(headers: Readonly<Record<string, unknown>>): boolean {
  for (const [name, value] of Object.entries(headers)) {
    const pattern = HEADER_PATTERNS.get(name.toLowerCase());
    if (pattern?.test(String(value))) return true;
  }
  return false;
}

const HEADER_PATTERNS = new Map([
  ['content-type', STREAM_TYPE],
  ['content-disposition', ATTACHMENT],
]);

/** Returns whether a URL belongs to the long polling of Engine.IO, which Socket.IO uses. */
export function isPollingUrl(url: string): boolean {
  const queryIndex = url.indexOf('?');
  return queryIndex >= 0 && url.includes('transport=polling', queryIndex);
}

/**
 * Returns whether a client allowed the server to wait with `Prefer: wait=`
 * (https://www.rfc-editor.org/rfc/rfc7240#section-4.3).
 */
export function allowsWaiting(prefer: unknown): boolean {
  return typeof prefer === 'string' && /(?:^|[,;])\s*wait\s*=/i.test(prefer);
}
