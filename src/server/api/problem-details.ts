import type { ErrorRequestHandler, RequestHandler } from 'express';
import { findClosestMatch } from '../../core/did-you-mean.ts';
import type { Logger } from '../../core/log.ts';
import {
  createError,
  type ErrorCode,
  errorMessage,
  PerfscopeError,
} from '../../core/perfscope-error.ts';

/** An invalid parameter: the reason, and the allowed values. */
export interface ParameterError {
  parameter: string;
  reason: string;
  allowed?: string | undefined;
}

/** Creates the error for a request with one or more invalid parameters. */
export function createRequestError(...errors: readonly ParameterError[]): PerfscopeError {
  const reason = errors
    .map(({ parameter, reason, allowed }) => {
      const hint = allowed ? `; allowed: ${allowed.replace(/\.$/, '')}` : '';
      return `${parameter} ${reason}${hint}`;
    })
    .join('. ');
  return createError('PS_REQUEST_INVALID', { reason, errors });
}

const STATUS_BY_ERROR_CODE: Partial<Record<ErrorCode, number>> = {
  PS_REQUEST_INVALID: 400,
  PS_KEY_INVALID: 400,
  PS_UNAUTHENTICATED: 401,
  PS_FORBIDDEN: 403,
  PS_AGENT_INSECURE: 403,
  PS_KEY_NOT_FOUND: 404,
  PS_AGENT_OTHER_VERSION: 404,
  PS_TOO_MANY_REQUESTS: 429,
  PS_REQUEST_TOO_LARGE: 400,
  PS_NOT_FOUND: 404,
  PS_METHOD_NOT_ALLOWED: 405,
  PS_AGENT_MISSING: 503,
  PS_UNAVAILABLE: 503,
  PS_TABLE_SUSPENDED: 503,
  PS_FLUSH_TIMEOUT: 503,
  PS_QUERY_TOO_LONG: 504,
};
const MAX_PATH_LENGTH = 200;

/** Throws PS_NOT_FOUND for every request, with the most similar of `paths` as a suggestion. */
export function createNotFoundHandler(paths: readonly string[] = []): RequestHandler {
  return (request) => {
    const path = `${request.baseUrl}${request.path}`.slice(0, MAX_PATH_LENGTH);
    throw createError('PS_NOT_FOUND', { path, nearest: findClosestMatch(path, paths) });
  };
}

/** Sends each error as `application/problem+json` (RFC 9457) with its code. */
export function createErrorHandler(log: Logger): ErrorRequestHandler {
  return (thrown, _request, response, next) => {
    if (response.headersSent) return next(thrown);
    const error = toPerfscopeError(thrown);
    const status = (error && STATUS_BY_ERROR_CODE[error.code]) ?? 500;
    if (status === 500) log.error(errorMessage(thrown));
    response.set('Cache-Control', 'no-store');
    response
      .status(status)
      .type('application/problem+json')
      .send({
        status,
        title: error?.code ?? 'Internal error',
        detail:
          error?.message ?? 'The server had an internal error. See the server log for details.',
        code: error?.code,
        errors: error?.params.errors,
      });
  };
}

/** Converts an error with a 4xx status, which Express throws for malformed requests. */
function toPerfscopeError(thrown: unknown): PerfscopeError | undefined {
  if (thrown instanceof PerfscopeError) return thrown;
  const status = Number((thrown as { status?: unknown } | undefined)?.status);
  if (status < 400 || status > 499 || Number.isNaN(status)) return undefined;
  return createError('PS_REQUEST_INVALID', { reason: 'the URL or the body is malformed' }, thrown);
}
