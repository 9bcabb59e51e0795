/** Value of `http.request.method` for all other methods, which are texts of clients. */
export const OTHER_HTTP_METHOD = '_OTHER';

/** Methods in the semantic conventions (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). */
export const HTTP_METHODS: readonly string[] =
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' ');
const KNOWN_METHODS = new Set(HTTP_METHODS);

/** Returns a method of the semantic conventions, or `_OTHER`. */
export function toHttpMethod(method: unknown): string {
  const text = String(method);
  if (KNOWN_METHODS.has(text)) return text;
  const upperCase = text.length > 7 ? text : text.toUpperCase();
  return KNOWN_METHODS.has(upperCase) ? upperCase : OTHER_HTTP_METHOD;
}
