import type { Request } from 'express';
import { createError, type ErrorCode, PerfscopeError } from '../../core/perfscope-error.ts';
import { getRequestUrl } from '../api/request/request-origin.ts';
import { getOtlpEncoding, isGrpc } from './content-headers.ts';

interface StatusCodes {
  readonly http: number;
  /** Code of gRPC (https://grpc.io/docs/guides/status-codes/). */
  readonly grpc: number;
}

const INVALID_ARGUMENT = 3;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const STATUS_BY_ERROR_CODE: Partial<Record<ErrorCode, StatusCodes>> = {
  PS_OTLP_INVALID: { http: 400, grpc: INVALID_ARGUMENT },
  PS_OTLP_TOO_LARGE: { http: 413, grpc: INVALID_ARGUMENT },
  PS_OTLP_UNSUPPORTED: { http: 415, grpc: INVALID_ARGUMENT },
  PS_OTLP_GRPC: { http: 415, grpc: UNIMPLEMENTED },
  PS_OTLP_PATH: { http: 404, grpc: UNIMPLEMENTED },
  PS_OTLP_NO_LOGS: { http: 404, grpc: UNIMPLEMENTED },
  PS_METHOD_NOT_ALLOWED: { http: 405, grpc: UNIMPLEMENTED },
  PS_UNAUTHENTICATED: { http: 401, grpc: UNAUTHENTICATED },
  PS_FORBIDDEN: { http: 403, grpc: PERMISSION_DENIED },
  PS_KEY_REQUIRED: { http: 403, grpc: PERMISSION_DENIED },
  PS_OTLP_BUSY: { http: 429, grpc: RESOURCE_EXHAUSTED },
  PS_TOO_MANY_OPEN: { http: 429, grpc: RESOURCE_EXHAUSTED },
  PS_TOO_MANY_REQUESTS: { http: 429, grpc: RESOURCE_EXHAUSTED },
  PS_OTLP_SLOW: { http: 503, grpc: UNAVAILABLE },
  PS_OTLP_NOT_STORED: { http: 503, grpc: UNAVAILABLE },
  PS_UNAVAILABLE: { http: 503, grpc: UNAVAILABLE },
};
const RETRY_AFTER_S = 5;

/** How to report an error in a response. */
export interface OtlpErrorResponse {
  readonly code: ErrorCode;
  /** Why the credentials were rejected. Undefined for other errors. */
  readonly authReason: string | undefined;
  readonly status: StatusCodes;
  readonly message: string;
  /** What is wrong in an invalid request. */
  readonly violation?: { readonly field: string; readonly description: string } | undefined;
  /** Value of `Retry-After`. Undefined if the same request can never work. */
  readonly retryAfterS: number | undefined;
  /** Whether the error is a fault of the server, so it belongs in the log. */
  readonly isUnexpected: boolean;
}

/**
 * Describes the response for an error. An unexpected error can be temporary, so the sender should retry. Its text
 * stays on the server.
 */
export function describeError(thrown: unknown): OtlpErrorResponse {
  const error = toKnownError(thrown);
  const status = error && STATUS_BY_ERROR_CODE[error.code];
  if (!status) {
    const { message } = createError('PS_OTLP_NOT_STORED', {
      reason: 'the server had an internal error. See the server log for details',
      seconds: RETRY_AFTER_S,
    });
    const unavailable = { http: 503, grpc: UNAVAILABLE };
    return {
      ...{ code: 'PS_OTLP_NOT_STORED', authReason: undefined, status: unavailable, message },
      ...{ retryAfterS: RETRY_AFTER_S, isUnexpected: true },
    };
  }
  const canRetry = status.http === 429 || status.http === 503;
  const retryAfterS = canRetry ? Number(error.params.seconds ?? RETRY_AFTER_S) : undefined;
  const { position, reason } = error.params;
  const violation =
    position === undefined ? undefined : { field: String(position), description: String(reason) };
  const { code, message } = error;
  const authReason = code === 'PS_UNAUTHENTICATED' ? String(reason) : undefined;
  return { code, authReason, status, message, violation, retryAfterS, isUnexpected: false };
}

function toKnownError(thrown: unknown): PerfscopeError | undefined {
  if (thrown instanceof PerfscopeError) return thrown;
  const status = Number((thrown as { status?: unknown } | undefined)?.status);
  // Express throws such errors for malformed URLs.
  return status >= 400 && status < 500
    ? createError('PS_OTLP_INVALID', { reason: 'the URL is malformed' }, thrown)
    : undefined;
}

const KNOWN_PATH = /^\/v1\/(?:metrics|traces|logs)\/?$/i;
/** Only senders of OTLP use these paths, such as `/v1/metric` and `/otlp/v1/metrics`. */
const SENDER_PATH = /^\/v1(?:\/|$)|\/v1\/(?:metrics|traces|logs)\/?$/i;

/** Returns the error for a request that a sender of OTLP sends to a wrong path. Undefined for other requests. */
export function findPathError(request: Request): PerfscopeError | undefined {
  const { method, path, headers } = request;
  if (method !== 'POST' || KNOWN_PATH.test(path)) return undefined;
  if (isGrpc(headers)) return createError('PS_OTLP_GRPC', {});
  const encoding = getOtlpEncoding(headers);
  const isSender =
    encoding === 'protobuf' || (encoding === 'json' && path === '/') || SENDER_PATH.test(path);
  if (!isSender) return undefined;
  return createError('PS_OTLP_PATH', { url: getRequestUrl(request) ?? 'http://HOST:PORT' });
}
