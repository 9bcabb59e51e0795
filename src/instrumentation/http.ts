import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Attributes, Meter } from '@opentelemetry/api';
import { ABORTED, ORGANIZATION, PROPERTY } from '../schema/attributes.ts';
import { enterRequest, type Tenant } from './context.ts';
import { guard } from './guard.ts';
import { pathMatcher } from './ignore.ts';
import { beginState, endState, type RequestState } from './request-state.ts';
import { SeriesCache } from './series.ts';

/** Semantic conventions' advice for this histogram, in seconds; Prometheus uses these bounds. */
const BOUNDARIES_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const KNOWN_METHODS = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

export interface HttpOptions {
  meter: Meter;
  ignoreRoutes: readonly string[];
  /** Servers of our own, which are not part of the application. */
  isOwnServer: (server: Server) => boolean;
  /** Called once for each request, after it was recorded. */
  onRequest: (durationMs: number, failed: boolean) => void;
  onOverflow: () => void;
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
  const duration = options.meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP server requests.',
    advice: { explicitBucketBoundaries: BOUNDARIES_S },
  });

  const series = new SeriesCache(options.onOverflow);

  const complete = (request: IncomingMessage, response: ServerResponse, aborted: boolean) => {
    const state = endState(request);
    if (!state) return;
    const durationMs = performance.now() - state.startMs;
    const failed = !aborted && response.statusCode >= 500;
    duration.record(durationMs / 1000, attributesOf(series, request, response, state, aborted));
    options.onRequest(durationMs, failed);
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
    const startMs = performance.now();
    enterRequest(beginState(request, startMs, tenantOf(request)));
    // An aborted request never finishes; whichever of the two comes first completes it.
    response.once('close', () => {
      guard(complete)(request, response, !response.writableFinished);
    });
  });
  const onFinish = guard(({ request, response }: StartMessage) => {
    complete(request, response, false);
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

function attributesOf(
  series: SeriesCache,
  request: IncomingMessage,
  response: ServerResponse,
  { route, tenant }: RequestState,
  aborted: boolean,
): Attributes {
  const given = request.method ?? '';
  const method = KNOWN_METHODS.has(given) ? given : '_OTHER';
  const scheme = (request.socket as TLSSocket | undefined)?.encrypted ? 'https' : 'http';
  const status = aborted ? 0 : response.statusCode;
  const { organizationId = '', propertyId = '' } = tenant ?? {};
  const key = `${status} ${method} ${scheme} ${route}\n${organizationId}\n${propertyId}`;
  const kept = status === 0 ? ABORTION : status >= 500 ? failure(status) : NOTHING;
  return series.get(
    key,
    () => ({
      'http.request.method': method,
      'url.scheme': scheme,
      ...(route !== undefined && { 'http.route': route }),
      ...(status !== 0 && { 'http.response.status_code': status }),
      ...(organizationId && { [ORGANIZATION]: organizationId }),
      ...(propertyId && { [PROPERTY]: propertyId }),
      ...kept,
    }),
    kept,
  );
}

const NOTHING: Attributes = {};
const ABORTION: Attributes = { [ABORTED]: true };

function failure(status: number): Attributes {
  return { 'error.type': String(status) };
}
