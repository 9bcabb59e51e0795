import {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import { startTimeout } from '../../core/guarded-timers.ts';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { type Authenticator, getKeyId } from '../access/check-credentials.ts';
import { ConcurrencyLimiter } from '../access/concurrency-limiter.ts';
import { authenticate, getCredentials } from '../api/middleware/authentication-middleware.ts';
import { getCaller, requireWritePermission } from '../api/middleware/authorization-middleware.ts';
import { getCallerId } from '../api/middleware/rate-limit-middleware.ts';
import { formatPath } from '../api/problem-details.ts';
import { ByteBudget, type ByteSender } from './byte-budget.ts';
import {
  ACCEPTED_CODINGS,
  getContentType,
  getErrorEncoding,
  parseContentCoding,
  parseContentType,
} from './content-headers.ts';
import {
  encodeExportResponse,
  encodeStatus,
  type OtlpEncoding,
  type OtlpSignal,
  type PartialSuccess,
} from './decode/otlp-response.ts';
import { describeError, findPathError } from './otlp-errors.ts';
import {
  type BodyLimits,
  DEFAULT_BODY_LIMITS,
  RequestAbortedError,
  readBody,
} from './read-body.ts';
import type { RejectionReporter } from './rejection-reporter.ts';

/** A complete request of an authenticated sender. */
export interface OtlpRequest {
  readonly signal: OtlpSignal;
  readonly encoding: OtlpEncoding;
  readonly body: Buffer;
  /** Organization of the sender's key. All data is stored for it. */
  readonly organizationId: string | undefined;
  /** Returns whether the sender has closed the connection, so that it will send the data again. */
  readonly isAborted: () => boolean;
}

export interface OtlpRouterOptions {
  readonly authenticate: Authenticator;
  /**
   * Stores the data of a request. Resolves when the rows are in the spool.
   *
   * @returns the rejected data, or undefined if all data was accepted
   * @throws PS_OTLP_INVALID or PS_OTLP_NOT_STORED
   */
  readonly store: (request: OtlpRequest) => Promise<PartialSuccess | undefined>;
  /** Counts a response. */
  readonly countResponse: (signal: OtlpSignal, status: number) => void;
  readonly log: Logger;
  /** Logs requests whose data is lost. */
  readonly rejections: Pick<RejectionReporter, 'report'>;
  readonly limits?: OtlpLimits;
}

export interface OtlpLimits {
  readonly body: BodyLimits;
  /** Maximum size of all open bodies after decompression, in bytes. */
  readonly totalBytes: number;
  /** Same, for one organization, for one key without an organization, or for one address without a key. */
  readonly bytesPerSender: number;
}

export const DEFAULT_OTLP_LIMITS: OtlpLimits = {
  body: DEFAULT_BODY_LIMITS,
  totalBytes: 48 * 2 ** 20,
  bytesPerSender: 36 * 2 ** 20,
};

const PART = 'the OTLP endpoint';
/**
 * Requests that are handled at the same time. There is no limit per minute, because a Collector sends for many
 * services.
 */
const REQUEST_QUOTA = {
  what: 'concurrent OTLP requests',
  perKey: 100,
  perOrganization: 150,
  perServer: 300,
};
const RETRY_AFTER_S = 2;
/** Time for which the rest of a rejected body is read and discarded, so that the client can read the response. */
const DISCARD_TIMEOUT_MS = 10_000;
const ALLOWED_METHODS = 'POST, OPTIONS';

/**
 * Creates the routes `/v1/metrics`, `/v1/traces`, and `/v1/logs`
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp). Senders that use another path get advice. Each response has the
 * encoding of its request.
 */
export function createOtlpRouter(options: OtlpRouterOptions): Router {
  const { limits = DEFAULT_OTLP_LIMITS, countResponse } = options;
  const routes = Router();
  const openRequests = new ConcurrencyLimiter(REQUEST_QUOTA);
  const budget = new ByteBudget({
    total: limits.totalBytes,
    perSender: limits.bytesPerSender,
    retryAfterS: RETRY_AFTER_S,
  });
  const accessHandlers = [
    authenticate(options.authenticate, undefined, 'INGEST'),
    requireWritePermission('ingest'),
  ];
  for (const signal of ['metrics', 'traces'] as const) {
    const handler = createExportHandler(signal, { ...options, limits, openRequests, budget });
    routes
      .route(`/v1/${signal}`)
      .all(discardRejectedBody, countStatus(signal, countResponse), requirePost)
      .post(...accessHandlers, handler);
  }
  routes.all('/v1/logs', discardRejectedBody, () => {
    throw createError('PS_OTLP_NO_LOGS', {});
  });
  routes.use(rejectUnknownPath, createStatusHandler(options));
  return routes;
}

interface ExportHandlerOptions extends OtlpRouterOptions {
  readonly limits: OtlpLimits;
  readonly openRequests: ConcurrencyLimiter;
  readonly budget: ByteBudget;
}

function createExportHandler(
  signal: OtlpSignal,
  { store, limits, openRequests, budget }: ExportHandlerOptions,
): RequestHandler {
  return async (request, response) => {
    const { principal } = getCaller(response);
    const subject = getCallerId(request, principal);
    const { organizationId } = principal;
    const encoding = parseContentType(request.headers);
    const coding = parseContentCoding(request.headers);
    const releaseRequest = openRequests.acquire({ subject, organizationId }, RETRY_AFTER_S);
    const lease = budget.open(toByteSender(subject, organizationId));
    try {
      const body = await readBody(request, coding, lease, limits.body);
      const isAborted = () => response.destroyed || request.socket.destroyed;
      const result = await store({ signal, encoding, body, organizationId, isAborted });
      sendBody(response, 200, encoding, encodeExportResponse(signal, encoding, result));
    } finally {
      lease.release();
      releaseRequest();
    }
  };
}

/** The keys of an organization share their budget, so that it can't use up the budget of all others. */
function toByteSender(subject: string, organizationId: string | undefined): ByteSender {
  return organizationId === undefined
    ? { kind: 'key', id: subject }
    : { kind: 'organization', id: `organization:${organizationId}` };
}

const requirePost: RequestHandler = (request, response, next) => {
  if (request.method === 'POST') return next();
  response.set('Allow', ALLOWED_METHODS);
  if (request.method === 'OPTIONS') return void response.status(204).end();
  const method = request.method.slice(0, 20);
  throw createError('PS_METHOD_NOT_ALLOWED', {
    method,
    path: formatPath(request),
    allowed: ALLOWED_METHODS,
  });
};

function countStatus(
  signal: OtlpSignal,
  count: OtlpRouterOptions['countResponse'],
): RequestHandler {
  return (_request, response, next) => {
    response.once('finish', () => count(signal, response.statusCode));
    next();
  };
}

/**
 * Closes the connection if the rest of a body doesn't arrive soon after its response. Node.js discards the rest. If
 * the connection were closed immediately, many clients would not read the response.
 */
const discardRejectedBody: RequestHandler = (request, response, next) => {
  response.once('finish', () => {
    if (request.complete) return;
    const { socket } = request;
    request.resume();
    const timer = startTimeout(PART, () => socket.destroy(), DISCARD_TIMEOUT_MS);
    request.once('close', () => clearTimeout(timer));
  });
  next();
};

const rejectUnknownPath: RequestHandler = (request, response, next) => {
  const error = findPathError(request);
  if (!error) return next();
  discardRejectedBody(request, response, () => next(error));
};

function createStatusHandler({
  log,
  rejections,
}: Pick<OtlpRouterOptions, 'log' | 'rejections'>): ErrorRequestHandler {
  return (thrown, request: Request, response, next) => {
    if (thrown instanceof RequestAbortedError) return;
    if (response.headersSent) return next(thrown);
    const described = describeError(thrown);
    const { status, message, violation, retryAfterS, isUnexpected } = described;
    if (isUnexpected) log.error(`An OTLP request failed: ${errorMessage(thrown)}`);
    if (retryAfterS === undefined && request.method === 'POST') {
      rejections.report({
        ...described,
        status: status.http,
        address: request.ip,
        keyId: getKeyId(getCredentials(request)),
        path: formatPath(request),
      });
    }
    if (retryAfterS !== undefined) response.set('Retry-After', String(retryAfterS));
    if (status.http === 415) response.set('Accept-Encoding', ACCEPTED_CODINGS);
    const encoding = getErrorEncoding(request.headers);
    sendBody(
      response,
      status.http,
      encoding,
      encodeStatus(encoding, { code: status.grpc, message, violation }),
    );
  };
}

function sendBody(response: Response, status: number, encoding: OtlpEncoding, body: Buffer): void {
  response.set('Cache-Control', 'no-store');
  // `set` would add a character set.
  response.setHeader('Content-Type', getContentType(encoding));
  response.status(status).end(body);
}
