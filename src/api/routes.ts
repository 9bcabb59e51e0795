import { type Request, type RequestHandler, type Response, Router } from 'express';
import { NOBODY } from '../access/principal.ts';
import { coded } from '../errors.ts';
import { authenticate } from './authenticate.ts';
import { cacheControl, setCaching } from './caching.ts';
import { callerOf, guard, type Permission } from './caller.ts';
import { csvOf } from './csv.ts';
import type { AnyEndpoint, Context, Method } from './endpoint.ts';
import { jsonBody } from './json-body.ts';
import type { Parts } from './parts.ts';
import { notFound } from './problem.ts';
import { readQuery } from './query-text.ts';
import { limitRequests } from './rate-limit.ts';
import { readBody, readParams } from './read-body.ts';
import { Streams } from './streams.ts';

/** Everything under `/api`. */
export function apiRoutes(parts: Parts, endpoints: readonly AnyEndpoint[]): Router {
  const routes = Router();
  const streams = new Streams();
  const known = [authenticate(parts.access.identify), limitRequests(parts.mostRequests)];
  for (const each of endpoints) {
    const answer: RequestHandler = async (request, response) => {
      const query = readQuery(request.originalUrl, each.query);
      const method = request.method.toLowerCase() as Method;
      const principal = each.permission === 'public' ? NOBODY : callerOf(response).principal;
      const context = {
        parts,
        method,
        query,
        streams,
        endpoints,
        nowMs: Date.now(),
        principal,
        scope: principal.scope,
        address: request.ip,
        params: readParams(request.params, each.params),
        body: method === 'post' ? readBody(request.body, each.body) : undefined,
      };
      if (each.stream) await each.stream(context, request, response);
      else await send(each, context, request, response);
    };
    const { path, body, permission } = each;
    const access = permission === 'public' ? [] : [...known, guarded(each, permission)];
    const handlers = [onlyMethods(each), ...access, ...(body ? [jsonBody] : []), answer];
    routes.route(path).all(...handlers);
  }
  routes.use('/api', notFound(endpoints.map(({ path }) => path)));
  return routes;
}

function guarded(
  { changePermission }: AnyEndpoint,
  permission: Exclude<Permission, 'public'>,
): RequestHandler {
  const [ask, change] = [guard(permission), guard(changePermission ?? permission)];
  return (request, response, next) => {
    const asks = ['GET', 'HEAD', 'OPTIONS'].includes(request.method);
    return (asks ? ask : change)(request, response, next);
  };
}

function onlyMethods({ methods, changes, stream, path }: AnyEndpoint): RequestHandler {
  const allowed: string[] = methods.map((method) => method.toUpperCase());
  if (methods.includes('get') && !changes && !stream) allowed.push('HEAD');
  return (request, response, next) => {
    if (allowed.includes(request.method)) return next();
    response.set('Allow', allowed.join(', '));
    if (request.method === 'OPTIONS') return void response.status(204).end();
    const method = request.method.slice(0, 20);
    throw coded('PS_METHOD_NOT_ALLOWED', { method, path, allowed: allowed.join(', ') });
  };
}

async function send(
  endpoint: AnyEndpoint,
  context: Context<Record<string, unknown>>,
  request: Request,
  response: Response,
): Promise<void> {
  const answer = await endpoint.handle?.(context);
  const fresh = endpoint.changes || context.method !== 'get';
  setCaching(response, fresh ? 'no-store' : cacheControl(answer, context.nowMs));
  const { nextCursor } = (answer ?? {}) as { nextCursor?: string };
  if (nextCursor !== undefined) response.links({ next: withCursor(request, nextCursor) });
  const wanted = context.query.format ?? request.accepts(['json', 'csv']);
  if (!endpoint.table || wanted !== 'csv') return void response.json(answer);
  const table = endpoint.table(answer as never, context.query);
  const name = endpoint.path.split('/').at(-1);
  response.attachment(`${name}.csv`).type('text/csv').send(csvOf(table));
}

function withCursor({ originalUrl }: Request, cursor: string): string {
  const url = new URL(originalUrl, 'http://localhost');
  url.searchParams.set('cursor', cursor);
  return url.pathname + url.search;
}
