import type { ErrorRequestHandler, RequestHandler } from 'express';
import { coded, type ErrorCode, PerfscopeError, reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  PS_REQUEST_INVALID: 400,
  PS_NOT_FOUND: 404,
  PS_UNAVAILABLE: 503,
  PS_FLUSH_TIMEOUT: 503,
};

export const notFound: RequestHandler = (request) => {
  throw coded('PS_NOT_FOUND', { path: request.path });
};

/** Answers every error as `application/problem+json` (RFC 9457) with its code. */
export function problems(log: Log): ErrorRequestHandler {
  return (error, _request, response, next) => {
    if (response.headersSent) return next(error);
    const known = error instanceof PerfscopeError ? error : undefined;
    const status = (known && STATUS[known.code]) ?? 500;
    if (status === 500) log.error(reasonOf(error));
    response
      .status(status)
      .type('application/problem+json')
      .send({
        status,
        title: known?.code ?? 'Internal error',
        detail: known?.message ?? 'Something failed here; the log says what.',
        code: known?.code,
      });
  };
}
