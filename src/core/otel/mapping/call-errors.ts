/**
 * Kinds of failed outgoing calls, the values of `error.type`. A call with a status of 500 or more has its status
 * instead.
 */
export type CallErrorKind =
  /** The host rejected the connection. */
  | 'refused'
  /** The name of the host was not resolved. */
  | 'dns'
  /** The TLS handshake failed, for example because of an expired certificate. */
  | 'tls'
  /** The connection, the response, or the body took too long. */
  | 'timeout'
  /** The connection was closed before the response was complete. */
  | 'reset'
  /** There is no route to the host. */
  | 'unreachable'
  /** The application canceled the call before the response. */
  | 'aborted'
  /** The response was not valid HTTP. */
  | 'invalid_response'
  /** Any other error. */
  | '_OTHER';

const KINDS: readonly [CallErrorKind, RegExp][] = [
  ['refused', /^ECONNREFUSED$/],
  ['dns', /^(?:ENOTFOUND|EAI_[A-Z]+)$/],
  [
    'timeout',
    /^(?:ETIMEDOUT|ESOCKETTIMEDOUT|ERR_SOCKET_CONNECTION_TIMEOUT|UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT|TimeoutError)$/,
  ],
  ['reset', /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET)$/],
  ['unreachable', /^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/],
  ['aborted', /^(?:ABORT_ERR|UND_ERR_ABORTED|ERR_CANCELED|AbortError)$/],
  [
    'tls',
    /^(?:ERR_TLS_\w+|ERR_SSL_\w+|CERT_\w+|CRL_\w+|UNABLE_TO_\w+|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT(?:_IN_CHAIN)?)$/,
  ],
  ['invalid_response', /^(?:HPE_[A-Z_]+|UND_ERR_(?:HEADERS_OVERFLOW|RES_\w+|RESPONSE\w*))$/],
];
const KNOWN_KINDS = new Set<string>([...KINDS.map(([kind]) => kind), '_OTHER']);

/** Returns the kind of a Node.js error code, the name of an error, or a kind. Undefined for other texts. */
export function findCallErrorKind(code: string): CallErrorKind | undefined {
  if (KNOWN_KINDS.has(code)) return code as CallErrorKind;
  return KINDS.find(([, pattern]) => pattern.test(code))?.[0];
}

/** Returns the kind of the error that ended an outgoing call. Never throws. */
export function getCallErrorKind(error: unknown): CallErrorKind {
  try {
    // Only the application can end a call with another value, as the reason of its signal.
    if (typeof error !== 'object' || error === null) return 'aborted';
    const { code, name, message, cause } = error as Record<string, unknown>;
    // axios has the same code for timeouts and canceled requests.
    if (code === 'ECONNABORTED') return /timeout/i.test(String(message)) ? 'timeout' : 'aborted';
    const kind =
      (typeof code === 'string' ? findCallErrorKind(code) : undefined) ??
      (typeof name === 'string' ? findCallErrorKind(name) : undefined);
    // An error of `AbortSignal.timeout`.
    if (kind === 'aborted' && (cause as { name?: unknown } | undefined)?.name === 'TimeoutError')
      return 'timeout';
    return kind ?? '_OTHER';
  } catch {
    return '_OTHER';
  }
}
