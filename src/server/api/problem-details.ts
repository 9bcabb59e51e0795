import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { findClosestMatch } from '../../core/did-you-mean.ts';
import type { Logger } from '../../core/log.ts';
import {
  createError,
  type ErrorCode,
  errorMessage,
  PerfscopeError,
} from '../../core/perfscope-error.ts';
import type { Principal } from '../access/principal.ts';

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
  PS_RULES_INVALID: 400,
  PS_KEY_INVALID: 400,
  PS_UNAUTHENTICATED: 401,
  PS_FORBIDDEN: 403,
  PS_CROSS_SITE: 403,
  PS_KEY_REQUIRED: 403,
  PS_AGENT_INSECURE: 403,
  PS_KEY_NOT_FOUND: 404,
  PS_AGENT_OTHER_VERSION: 404,
  PS_QUOTA_REACHED: 409,
  PS_EXPLAIN_UNSET: 409,
  PS_TOO_MANY_REQUESTS: 429,
  PS_TOO_MANY_OPEN: 429,
  PS_REQUEST_TOO_LARGE: 400,
  PS_NOT_FOUND: 404,
  PS_METHOD_NOT_ALLOWED: 405,
  PS_AGENT_MISSING: 503,
  PS_UNAVAILABLE: 503,
  PS_TABLE_SUSPENDED: 503,
  PS_FLUSH_TIMEOUT: 503,
  PS_EXPLAIN_FAILED: 502,
  PS_QUERY_TOO_LONG: 504,
};
const MAX_PATH_LENGTH = 200;

/** Returns the path of a request, shortened for a message. */
export function formatPath({ baseUrl, path }: Pick<Request, 'baseUrl' | 'path'>): string {
  return `${baseUrl}${path}`.slice(0, MAX_PATH_LENGTH);
}

/** Throws PS_NOT_FOUND for every request, with the most similar of `paths` as a suggestion. */
export function createNotFoundHandler(paths: readonly string[] = []): RequestHandler {
  return (request) => {
    const path = formatPath(request);
    throw createError('PS_NOT_FOUND', { path, nearest: findClosestMatch(path, paths) });
  };
}

/** Replaces the message of an error that a caller is not allowed to read. */
const HIDDEN_MESSAGES: Partial<Record<number, string>> = {
  500: 'The server had an internal error. See the server log for details.',
  503: 'The service is temporarily unavailable. Try again later.',
  504: 'The query exceeded its time limit and was canceled.',
};

/**
 * Sends each error as `application/problem+json` (RFC 9457) with its code. Only administrators can read
 * the text of the database and the addresses of other servers. For other callers, the text is
 * generic, and the log contains the original text.
 */
export function createErrorHandler(log: Logger): ErrorRequestHandler {
  return (thrown, _request, response, next) => {
    if (response.headersSent) return next(thrown);
    const error = toPerfscopeError(thrown);
    const status = (error && STATUS_BY_ERROR_CODE[error.code]) ?? 500;
    const isHidden = isInternal(error, status) && !isAdministrator(response);
    if (status === 500 || isHidden) log.error(errorMessage(thrown));
    response.set('Cache-Control', 'no-store');
    if (error?.code === 'PS_TOO_MANY_OPEN') {
      response.set('Retry-After', String(error.params.seconds));
    }
    response
      .status(status)
      .type('application/problem+json')
      .send({
        status,
        title: error?.code ?? 'Internal error',
        detail: (isHidden ? undefined : error?.message) ?? HIDDEN_MESSAGES[status],
        code: error?.code,
        errors: error?.params.errors,
      });
  };
}

/**
 * Returns whether an error can contain the text of QuestDB or of another server. Such an error has
 * another error as its cause, or its code has no status.
 */
function isInternal(error: PerfscopeError | undefined, status: number): boolean {
  return status === 500 || (status > 500 && error?.cause !== undefined);
}

function isAdministrator({ locals }: Response): boolean {
  const caller = locals.caller as { principal: Principal } | undefined;
  return caller?.principal.scope.organizations === 'all';
}

/** Converts an error with a 4xx status, which Express throws for malformed requests. */
function toPerfscopeError(thrown: unknown): PerfscopeError | undefined {
  if (thrown instanceof PerfscopeError) return thrown;
  const status = Number((thrown as { status?: unknown } | undefined)?.status);
  if (status < 400 || status > 499 || Number.isNaN(status)) return undefined;
  return createError('PS_REQUEST_INVALID', { reason: 'the URL or the body is malformed' }, thrown);
}
