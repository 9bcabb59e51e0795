import { type Request, type RequestHandler, type Response, Router } from 'express';
import { HOUR_MS } from '../../core/duration.ts';
import { createError } from '../../core/perfscope-error.ts';
import { collectDeprecatedNames } from '../../core/vocabulary.ts';
import { runAsQueryCaller } from '../../storage/questdb/query-caller.ts';
import { ConcurrencyLimiter } from '../access/concurrency-limiter.ts';
import { ANONYMOUS } from '../access/principal.ts';
import { formatCsv } from './csv-table.ts';
import type {
  AnyEndpoint,
  EndpointContext,
  EndpointDependencies,
  HttpMethod,
} from './endpoint-definition.ts';
import { authenticate } from './middleware/authentication-middleware.ts';
import {
  type EndpointPermission,
  getCaller,
  requirePermission,
  requireWritePermission,
} from './middleware/authorization-middleware.ts';
import { setDeprecationHeaders } from './middleware/deprecation-headers.ts';
import {
  getCallerId,
  limitOrganizationRequests,
  limitRequests,
} from './middleware/rate-limit-middleware.ts';
import { readAgentVersion, sendServerVersion } from './middleware/version-middleware.ts';
import { createNotFoundHandler } from './problem-details.ts';
import { createQueryCaller } from './request/query-limits.ts';
import { rejectCrossSiteGet } from './request/reject-cross-site.ts';
import { rejectHostParameters } from './request/reject-host-parameters.ts';
import {
  jsonBodyParser,
  parseBody,
  parsePathParams,
  parseQueryString,
} from './request/request-parser.ts';
import { StreamRegistry } from './stream/interval-events.ts';

/** After an outage, rows can arrive this late. Older time ranges rarely change. */
const MAX_LATE_ROWS_MS = HOUR_MS;
const CACHE_MAX_AGE_S = 300;
/**
 * Requests that are handled at the same time. Streams have their own limits. Queries have lower limits,
 * so that most of the requests wait.
 */
const REQUEST_QUOTA = {
  what: 'concurrent requests',
  perKey: 100,
  perOrganization: 150,
  perServer: 500,
};
const RETRY_AFTER_S = 1;

/**
 * Returns the Cache-Control header of a response. Clients can cache past time ranges. They must
 * revalidate other responses, and get a 304 if nothing changed (Express compares weak ETags).
 */
export function getCacheControl(body: unknown, nowMs: number): string {
  const to = (body as { to?: unknown } | null | undefined)?.to;
  const toMs = to instanceof Date || typeof to === 'string' ? new Date(to).getTime() : Number.NaN;
  return nowMs - toMs > MAX_LATE_ROWS_MS
    ? `private, max-age=${CACHE_MAX_AGE_S}`
    : 'private, no-cache';
}

/** Sets `Vary` as well, because a response depends on the caller and the format. */
function setCacheHeaders(response: Response, control: string): void {
  response.set('Cache-Control', control);
  response.vary('Accept, Authorization, X-API-Key');
}

/** Creates the routes under `/api`. */
export function createApiRouter(
  dependencies: EndpointDependencies,
  endpoints: readonly AnyEndpoint[],
): Router {
  const routes = Router();
  const streams = new StreamRegistry();
  const openRequests = new ConcurrencyLimiter(REQUEST_QUOTA);
  const callerHandlers = [
    authenticate(dependencies.access.authenticate),
    limitRequests(dependencies.maxRequestsPerMinute),
    limitOrganizationRequests(dependencies.maxRequestsPerMinute),
    readAgentVersion((service, version) => dependencies.reportAgentVersion(service, version)),
  ];
  routes.use('/api', sendServerVersion);
  for (const endpoint of endpoints) {
    const handler: RequestHandler = async (request, response) => {
      const method = request.method.toLowerCase() as HttpMethod;
      const { value: input, notices } = collectDeprecatedNames(() => ({
        query: parseQueryString(request.originalUrl, endpoint.query),
        body: method === 'post' ? parseBody(request.body, endpoint.body) : undefined,
      }));
      setDeprecationHeaders(response, notices);
      const { query, body } = input;
      const principal =
        endpoint.permission === 'public' ? ANONYMOUS : getCaller(response).principal;
      rejectHostParameters(query, principal);
      const context = {
        dependencies,
        method,
        query,
        streams,
        endpoints,
        nowMs: Date.now(),
        principal,
        scope: principal.scope,
        address: request.ip,
        params: parsePathParams(request, endpoint.params),
        body,
      };
      if (endpoint.stream) return endpoint.stream(context, request, response);
      const isPublic = endpoint.permission === 'public';
      const subject = getCallerId(request, principal);
      const release = isPublic
        ? undefined
        : openRequests.acquire({ ...principal, subject }, RETRY_AFTER_S);
      try {
        await runAsQueryCaller(createQueryCaller(request, response, principal), () =>
          sendResponse(endpoint, context, request, response),
        );
      } finally {
        release?.();
      }
    };
    const { path, body, permission, isMutating } = endpoint;
    const siteHandlers = isMutating ? [rejectCrossSiteGet] : [];
    const accessHandlers =
      permission === 'public'
        ? []
        : [...callerHandlers, requireEndpointPermission(endpoint, permission)];
    const bodyHandlers = body ? [jsonBodyParser] : [];
    routes
      .route(path)
      .all(requireMethod(endpoint), ...siteHandlers, ...accessHandlers, ...bodyHandlers, handler);
  }
  routes.use('/api', createNotFoundHandler(endpoints.map(({ path }) => path)));
  return routes;
}

function requireEndpointPermission(
  { writePermission }: AnyEndpoint,
  permission: Exclude<EndpointPermission, 'public'>,
): RequestHandler {
  const requireRead = requirePermission(permission);
  const requireWrite = requireWritePermission(writePermission ?? permission);
  return (request, response, next) => {
    const isRead = ['GET', 'HEAD', 'OPTIONS'].includes(request.method);
    return (isRead ? requireRead : requireWrite)(request, response, next);
  };
}

function requireMethod({ methods, isMutating, stream, path }: AnyEndpoint): RequestHandler {
  const allowed: string[] = methods.map((method) => method.toUpperCase());
  if (methods.includes('get') && !isMutating && !stream) allowed.push('HEAD');
  return (request, response, next) => {
    if (allowed.includes(request.method)) return next();
    response.set('Allow', allowed.join(', '));
    if (request.method === 'OPTIONS') return void response.status(204).end();
    const method = request.method.slice(0, 20);
    throw createError('PS_METHOD_NOT_ALLOWED', { method, path, allowed: allowed.join(', ') });
  };
}

async function sendResponse(
  endpoint: AnyEndpoint,
  context: EndpointContext<Record<string, unknown>>,
  request: Request,
  response: Response,
): Promise<void> {
  const body = await endpoint.handle?.(context);
  const isUncacheable = endpoint.isMutating || context.method !== 'get';
  setCacheHeaders(response, isUncacheable ? 'no-store' : getCacheControl(body, context.nowMs));
  const { nextCursor } = (body ?? {}) as { nextCursor?: string };
  if (nextCursor !== undefined) response.links({ next: toNextPageUrl(request, nextCursor) });
  const format = context.query.format ?? request.accepts(['json', 'csv']);
  if (!endpoint.toTable || format !== 'csv') return void response.json(body);
  const table = endpoint.toTable(body as never, context.query);
  const name = endpoint.path.split('/').at(-1);
  response.attachment(`${name}.csv`).type('text/csv').send(formatCsv(table));
}

function toNextPageUrl({ originalUrl }: Request, cursor: string): string {
  const url = new URL(originalUrl, 'http://localhost');
  url.searchParams.set('cursor', cursor);
  return url.pathname + url.search;
}
