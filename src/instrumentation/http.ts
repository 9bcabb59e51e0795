import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Attributes } from '@opentelemetry/api';
import { ABORTED, ORGANIZATION, PROPERTY } from '../schema/attributes.ts';
import { enterRequest, type Tenant } from './context.ts';
import { guard } from './guard.ts';
import type { FastHistogram, Histograms } from './histograms.ts';
import { pathMatcher } from './ignore.ts';
import { beginState, end, type RequestState, stateOf } from './request-state.ts';

/** Semantic conventions' advice for this histogram, in seconds; Prometheus uses these bounds. */
const BOUNDARIES_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
export interface HttpOptions {
  histograms: Histograms;
  ignoreRoutes: readonly string[];
  /** Servers of our own, which are not part of the application. */
  isOwnServer: (server: Server) => boolean;
  /** Called once for each request, after it was recorded. */
  onRequest: (durationMs: number, failed: boolean) => void;
  /** For whom a request is, as far as its headers say. */
  tenantOf: (request: IncomingMessage) => Tenant | undefined;
}

interface StartMessage {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/**
 * Records each HTTP request that this process serves, once, as `http.server.request.duration`
 * (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/): by method, route and status.
 * It listens to Node's own diagnostics channels, so nothing is patched.
 *
 * @returns a function that stops it
 */
export function instrumentHttp(options: HttpOptions): () => void {
  const isIgnored = pathMatcher(options.ignoreRoutes);
  const histogram = options.histograms.create({
    scope: 'perfscope.http',
    name: 'http.server.request.duration',
    unit: 's',
    description: 'Duration of HTTP server requests.',
    boundaries: BOUNDARIES_S,
  });

  const complete = (state: RequestState, aborted: boolean) => {
    if (!end(state)) return;
    state.open?.delete(state);
    const durationMs = performance.now() - state.startMs;
    record(histogram, durationMs / 1000, state, aborted);
    options.onRequest(durationMs, !aborted && state.response.statusCode >= 500);
  };

  const tenantOf = (request: IncomingMessage) => {
    try {
      return options.tenantOf(request);
    } catch {
      return undefined;
    }
  };

  const onStart = guard((message: StartMessage) => {
    const { request, response, server } = message;
    if (options.isOwnServer(server) || isIgnored(request.url ?? '')) return;
    const state = beginState(request, response, tenantOf(request));
    state.open = openOn(request.socket, complete).add(state);
    enterRequest(state);
  });
  const onFinish = guard(({ request }: StartMessage) => {
    const state = stateOf(request);
    if (state) complete(state, false);
  });

  const start = onStart as (message: unknown) => void;
  const finish = onFinish as (message: unknown) => void;
  subscribe('http.server.request.start', start);
  subscribe('http.server.response.finish', finish);
  return () => {
    unsubscribe('http.server.request.start', start);
    unsubscribe('http.server.response.finish', finish);
  };
}

/** Where a connection keeps the requests that it waits for: several, when they are pipelined. */
const OPEN = Symbol('perfscope.open');

/**
 * The requests of a connection that are not answered yet. When it closes before, they are aborted: one
 * listener a connection, and none on the application's responses.
 */
function openOn(
  socket: Socket & { [OPEN]?: Set<RequestState> },
  complete: (state: RequestState, aborted: boolean) => void,
): Set<RequestState> {
  const known = socket[OPEN];
  if (known) return known;
  const open = new Set<RequestState>();
  Object.defineProperty(socket, OPEN, { value: open });
  const onClose = guard(() => {
    for (const state of open) complete(state, !state.response.writableFinished);
    open.clear();
  });
  socket.once('close', onClose);
  return open;
}

function record(
  histogram: FastHistogram,
  seconds: number,
  { method, scheme, response, route, tenant }: RequestState,
  aborted: boolean,
): void {
  const status = aborted ? 0 : response.statusCode;
  const { organizationId = '', propertyId = '' } = tenant ?? NOBODY;
  const place = `${status} ${method} ${scheme} ${route}`;
  const key = tenant ? `${place}\n${organizationId}\n${propertyId}` : place;
  const kept = status === 0 ? ABORTION : status >= 500 ? failure(status) : NOTHING;
  const make = (): Attributes => ({
    'http.request.method': method,
    'url.scheme': scheme,
    ...(route !== undefined && { 'http.route': route }),
    ...(status !== 0 && { 'http.response.status_code': status }),
    ...(organizationId && { [ORGANIZATION]: organizationId }),
    ...(propertyId && { [PROPERTY]: propertyId }),
    ...kept,
  });
  histogram.record(seconds, key, make, kept);
}

const NOBODY: Tenant = {};
const NOTHING: Attributes = {};
const ABORTION: Attributes = { [ABORTED]: true };

function failure(status: number): Attributes {
  return { 'error.type': String(status) };
}
