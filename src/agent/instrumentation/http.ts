import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Attributes } from '@opentelemetry/api';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID, ATTR_REQUEST_ABORTED } from '../attribute-keys.ts';
import { MAX_SERIES } from './cardinality-limit.ts';
import {
  type HistogramRegistry,
  type HistogramSeries,
  type KeyedHistogram,
  recordValue,
} from './histogram-registry.ts';
import { swallowErrors } from './method-patching.ts';
import { type RequestSampler, type SampledRequest, toSampledRequest } from './request-sampler.ts';
import {
  createRequestState,
  getOpenRequests,
  getRequestState,
  type RequestState,
} from './request-state.ts';
import { enterRequestContext, type Tenant } from './tenant-context.ts';

/** Semantic conventions' advice for this histogram, in seconds; Prometheus uses these bounds. */
const REQUEST_DURATION_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

export interface HttpInstrumentationOptions {
  histograms: HistogramRegistry;
  ignoreRoutes: readonly string[];
  /** Servers of our own, which are not part of the application. */
  isOwnServer: (server: Server) => boolean;
  /** Called once for each request, after it was recorded. */
  onRequest: (durationMs: number, failed: boolean) => void;
  /** Called for each request that was answered with a 5xx, with what was thrown where it is known. */
  onServerError?: ((request: SampledRequest, thrown: unknown) => void) | undefined;
  /** Takes the requests that are worth knowing one by one. */
  sampler: RequestSampler;
  /** For whom a request is, as far as its headers say. */
  resolveTenant: (request: IncomingMessage) => Tenant | undefined;
}

interface HttpChannelMessage {
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
export function instrumentHttp(options: HttpInstrumentationOptions): () => void {
  const isIgnored = createPathMatcher(options.ignoreRoutes);
  const histogram = options.histograms.create({
    scope: 'perfscope.http',
    name: 'http.server.request.duration',
    unit: 's',
    description: 'Duration of HTTP server requests.',
    boundaries: REQUEST_DURATION_BOUNDARIES_S,
  });

  const series = new RequestSeriesCache(histogram);
  const { sampler: sample } = options;

  const complete = (state: RequestState, aborted: boolean) => {
    if (state.ended) return;
    state.ended = true;
    state.openRequests.remove(state);
    const durationMs = performance.now() - state.startMs;
    const status = aborted ? ABORTED_STATUS : state.response.statusCode;
    recordValue(series.getSeries(state, status), durationMs / 1000);
    const failed = status >= 500;
    options.onRequest(durationMs, failed);
    if (sample.shouldSample(durationMs, failed)) {
      const request = toSampledRequest(state, durationMs, aborted ? undefined : status);
      sample.add(request, failed);
      if (failed) options.onServerError?.(request, state.thrown);
    }
    // A request that is kept must not keep an error as well.
    state.thrown = undefined;
  };

  const tenantOf = (request: IncomingMessage) => {
    try {
      return options.resolveTenant(request);
    } catch {
      return undefined;
    }
  };

  const onStart = swallowErrors(({ request, response, server }: HttpChannelMessage) => {
    if (options.isOwnServer(server) || isIgnored(request.url ?? '')) return;
    const open = getOpenRequests(request.socket, complete);
    const state = createRequestState(request, response, open, tenantOf(request));
    open.add(state);
    enterRequestContext(state);
  });
  const onFinish = swallowErrors(({ request }: HttpChannelMessage) => {
    const state = getRequestState(request);
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

/** @returns whether a request URL's path is one of `patterns`; a final `*` stands for any rest. */
function createPathMatcher(patterns: readonly string[]): (url: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((p) => p.endsWith('*')).map((p) => p.slice(0, -1));
  return (url) => {
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    if (exact.has(path)) return true;
    for (const prefix of prefixes) if (path.startsWith(prefix)) return true;
    return false;
  };
}

/** Status of a request that was aborted: it has none. */
const ABORTED_STATUS = 0;

const HTTP_METHODS = 'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE _OTHER'.split(' ');
/** Room for a method and a scheme beside a status. */
const STATUS_STRIDE = 2 * HTTP_METHODS.length;

/**
 * The series that requests are recorded in. A request without a tenant finds its own by comparing
 * numbers: making the text that names a series, and hashing it, would cost more than recording.
 */
class RequestSeriesCache {
  readonly #histogram: KeyedHistogram;
  readonly #methodNumbers = new Map(HTTP_METHODS.map((method, i) => [method, 2 * i]));
  readonly #byRoute = new Map<string | undefined, Map<number, HistogramSeries>>();
  #cachedCount = 0;

  constructor(histogram: KeyedHistogram) {
    this.#histogram = histogram;
  }

  /** @param status of the response, or {@link ABORTED_STATUS} */
  getSeries(state: RequestState, status: number): HistogramSeries {
    const { tenant, route } = state;
    if (tenant !== undefined) return this.#findSeries(state, status, tenant);
    const method = this.#methodNumbers.get(state.method)!;
    const number = status * STATUS_STRIDE + method + (state.scheme === 'https' ? 1 : 0);
    let known = this.#byRoute.get(route);
    const series = known?.get(number);
    if (series !== undefined) return series;
    const found = this.#findSeries(state, status, NO_TENANT);
    // As bounded as the series themselves, also where an application makes routes without end.
    if (this.#cachedCount < MAX_SERIES) {
      this.#cachedCount += 1;
      if (known === undefined) {
        known = new Map();
        this.#byRoute.set(route, known);
      }
      known.set(number, found);
    }
    return found;
  }

  #findSeries(
    { method, scheme, route }: RequestState,
    status: number,
    tenant: Tenant,
  ): HistogramSeries {
    const { organizationId = '', propertyId = '' } = tenant;
    const key = `${status} ${method} ${scheme} ${route}\n${organizationId}\n${propertyId}`;
    const kept =
      status === ABORTED_STATUS
        ? ABORTED_ATTRIBUTES
        : status >= 500
          ? toErrorAttributes(status)
          : NO_ATTRIBUTES;
    const make = (): Attributes => ({
      'http.request.method': method,
      'url.scheme': scheme,
      ...(route !== undefined && { 'http.route': route }),
      ...(status !== ABORTED_STATUS && { 'http.response.status_code': status }),
      ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
      ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
      ...kept,
    });
    return this.#histogram.getSeries(key, make, kept);
  }
}

const NO_TENANT: Tenant = {};
const NO_ATTRIBUTES: Attributes = {};
const ABORTED_ATTRIBUTES: Attributes = { [ATTR_REQUEST_ABORTED]: true };

function toErrorAttributes(status: number): Attributes {
  return { 'error.type': String(status) };
}
