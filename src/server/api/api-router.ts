import { type Request, type RequestHandler, type Response, Router } from 'express';
import { createError } from '../../core/errors.ts';
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
  getPrincipal,
  requirePermission,
} from './middleware/authorization-middleware.ts';
import { limitRequests } from './middleware/rate-limit-middleware.ts';
import { createNotFoundHandler } from './problem-details.ts';
import {
  jsonBodyParser,
  parseBody,
  parsePathParams,
  parseQueryString,
} from './request/request-parser.ts';
import { StreamRegistry } from './stream/point-source.ts';

/** Rows come this late when something was wrong for a while; what is older changes hardly ever. */
const MAX_LATE_ROWS_MS = 3_600_000;
const CACHE_MAX_AGE_S = 300;

/**
 * How long an answer holds. One about a time that is over is kept by the caller alone; what goes on is
 * asked for again each time, and answered with 304 while it is the same (Express compares its weak ETag).
 */
export function getCacheControl(answer: unknown, nowMs: number): string {
  const to = (answer as { to?: unknown } | null | undefined)?.to;
  const toMs = to instanceof Date || typeof to === 'string' ? new Date(to).getTime() : Number.NaN;
  return nowMs - toMs > MAX_LATE_ROWS_MS
    ? `private, max-age=${CACHE_MAX_AGE_S}`
    : 'private, no-cache';
}

/** An answer depends on who asks, and in which form. */
function setCacheHeaders(response: Response, control: string): void {
  response.set('Cache-Control', control);
  response.vary('Accept, Authorization, X-API-Key');
}

/** Everything under `/api`. */
export function createApiRouter(
  parts: EndpointDependencies,
  endpoints: readonly AnyEndpoint[],
): Router {
  const routes = Router();
  const streams = new StreamRegistry();
  const known = [
    authenticate(parts.access.authenticate),
    limitRequests(parts.maxRequestsPerMinute),
  ];
  for (const each of endpoints) {
    const answer: RequestHandler = async (request, response) => {
      const query = parseQueryString(request.originalUrl, each.query);
      const method = request.method.toLowerCase() as HttpMethod;
      const principal = each.permission === 'public' ? ANONYMOUS : getPrincipal(response).principal;
      const context = {
        dependencies: parts,
        method,
        query,
        streams,
        endpoints,
        nowMs: Date.now(),
        principal,
        scope: principal.scope,
        address: request.ip,
        params: parsePathParams(request.params, each.params),
        body: method === 'post' ? parseBody(request.body, each.body) : undefined,
      };
      if (each.stream) await each.stream(context, request, response);
      else await sendResponse(each, context, request, response);
    };
    const { path, body, permission } = each;
    const access =
      permission === 'public' ? [] : [...known, requireEndpointPermission(each, permission)];
    const handlers = [requireMethod(each), ...access, ...(body ? [jsonBodyParser] : []), answer];
    routes.route(path).all(...handlers);
  }
  routes.use('/api', createNotFoundHandler(endpoints.map(({ path }) => path)));
  return routes;
}

function requireEndpointPermission(
  { writePermission: changePermission }: AnyEndpoint,
  permission: Exclude<EndpointPermission, 'public'>,
): RequestHandler {
  const [ask, change] = [
    requirePermission(permission),
    requirePermission(changePermission ?? permission),
  ];
  return (request, response, next) => {
    const asks = ['GET', 'HEAD', 'OPTIONS'].includes(request.method);
    return (asks ? ask : change)(request, response, next);
  };
}

function requireMethod({
  methods,
  isMutating: changes,
  stream,
  path,
}: AnyEndpoint): RequestHandler {
  const allowed: string[] = methods.map((method) => method.toUpperCase());
  if (methods.includes('get') && !changes && !stream) allowed.push('HEAD');
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
  const answer = await endpoint.handle?.(context);
  const fresh = endpoint.isMutating || context.method !== 'get';
  setCacheHeaders(response, fresh ? 'no-store' : getCacheControl(answer, context.nowMs));
  const { nextCursor } = (answer ?? {}) as { nextCursor?: string };
  if (nextCursor !== undefined) response.links({ next: toNextPageUrl(request, nextCursor) });
  const wanted = context.query.format ?? request.accepts(['json', 'csv']);
  if (!endpoint.toTable || wanted !== 'csv') return void response.json(answer);
  const table = endpoint.toTable(answer as never, context.query);
  const name = endpoint.path.split('/').at(-1);
  response.attachment(`${name}.csv`).type('text/csv').send(formatCsv(table));
}

function toNextPageUrl({ originalUrl }: Request, cursor: string): string {
  const url = new URL(originalUrl, 'http://localhost');
  url.searchParams.set('cursor', cursor);
  return url.pathname + url.search;
}
