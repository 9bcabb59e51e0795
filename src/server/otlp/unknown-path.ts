import type { Request } from 'express';
import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';
import { getRequestUrl } from '../api/request/request-origin.ts';
import { getOtlpEncoding, isGrpc } from './content-headers.ts';

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
