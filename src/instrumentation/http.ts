import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { enterRequest, type Tenant } from './context.ts';
import { guard } from './guard.ts';
import { type Histograms, record } from './histograms.ts';
import { pathMatcher } from './ignore.ts';
import { openOn } from './open-requests.ts';
import { type RequestSample, type SampledRequest, sampled } from './request-sample.ts';
import { NO_STATUS, RequestSeries } from './request-series.ts';
import { beginState, type RequestState, stateOf } from './request-state.ts';

/** Semantic conventions' advice for this histogram, in seconds; Prometheus uses these bounds. */
const BOUNDARIES_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

export interface HttpOptions {
  histograms: Histograms;
  ignoreRoutes: readonly string[];
  /** Servers of our own, which are not part of the application. */
  isOwnServer: (server: Server) => boolean;
  /** Called once for each request, after it was recorded. */
  onRequest: (durationMs: number, failed: boolean) => void;
  /** Called for each request that was answered with a 5xx, with what was thrown where it is known. */
  onFailure?: ((request: SampledRequest, thrown: unknown) => void) | undefined;
  /** Takes the requests that are worth knowing one by one. */
  sample: RequestSample;
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

  const series = new RequestSeries(histogram);
  const { sample } = options;

  const complete = (state: RequestState, aborted: boolean) => {
    if (state.ended) return;
    state.ended = true;
    state.open.remove(state);
    const durationMs = performance.now() - state.startMs;
    const status = aborted ? NO_STATUS : state.response.statusCode;
    record(series.of(state, status), durationMs / 1000);
    const failed = status >= 500;
    options.onRequest(durationMs, failed);
    if (sample.wants(durationMs, failed)) {
      const request = sampled(state, durationMs, aborted ? undefined : status);
      sample.keep(request, failed);
      if (failed) options.onFailure?.(request, state.thrown);
    }
    // A request that is kept must not keep an error as well.
    state.thrown = undefined;
  };

  const tenantOf = (request: IncomingMessage) => {
    try {
      return options.tenantOf(request);
    } catch {
      return undefined;
    }
  };

  const onStart = guard(({ request, response, server }: StartMessage) => {
    if (options.isOwnServer(server) || isIgnored(request.url ?? '')) return;
    const open = openOn(request.socket, complete);
    const state = beginState(request, response, open, tenantOf(request));
    open.add(state);
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
