import type { ErrorRequestHandler, RequestHandler } from 'express';
import { nearest } from '../config/nearest.ts';
import { coded, type ErrorCode, PerfscopeError, reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  PS_REQUEST_INVALID: 400,
  PS_KEY_INVALID: 400,
  PS_UNAUTHENTICATED: 401,
  PS_FORBIDDEN: 403,
  PS_KEY_NOT_FOUND: 404,
  PS_TOO_MANY_REQUESTS: 429,
  PS_REQUEST_TOO_LARGE: 400,
  PS_NOT_FOUND: 404,
  PS_METHOD_NOT_ALLOWED: 405,
  PS_UNAVAILABLE: 503,
  PS_TABLE_SUSPENDED: 503,
  PS_FLUSH_TIMEOUT: 503,
  PS_QUERY_TOO_LONG: 504,
};
const MOST_PATH = 200;

/** Nothing is there; of the paths that are, it names the nearest. */
export function notFound(paths: readonly string[] = []): RequestHandler {
  return (request) => {
    const path = `${request.baseUrl}${request.path}`.slice(0, MOST_PATH);
    throw coded('PS_NOT_FOUND', { path, nearest: nearest(path, paths) });
  };
}

/** Answers every error as `application/problem+json` (RFC 9457) with its code. */
export function problems(log: Log): ErrorRequestHandler {
  return (thrown, _request, response, next) => {
    if (response.headersSent) return next(thrown);
    const error = known(thrown);
    const status = (error && STATUS[error.code]) ?? 500;
    if (status === 500) log.error(reasonOf(thrown));
    response.set('Cache-Control', 'no-store');
    response
      .status(status)
      .type('application/problem+json')
      .send({
        status,
        title: error?.code ?? 'Internal error',
        detail: error?.message ?? 'Something failed here; the log says what.',
        code: error?.code,
        errors: error?.params.errors,
      });
  };
}

/** Express itself refuses what it can't read, with a status of its own. */
function known(thrown: unknown): PerfscopeError | undefined {
  if (thrown instanceof PerfscopeError) return thrown;
  const status = Number((thrown as { status?: unknown } | undefined)?.status);
  if (status < 400 || status > 499 || Number.isNaN(status)) return undefined;
  return coded('PS_REQUEST_INVALID', { reason: 'its address or body can not be read' }, thrown);
}
