import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Attributes } from '@opentelemetry/api';
import { guard } from '../../core/guard.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID, ATTR_REQUEST_ABORTED } from '../attribute-keys.ts';
import { EMPTY_ATTRIBUTES, MAX_SERIES } from './cardinality-limit.ts';
import {
  type HistogramRegistry,
  type HistogramSeries,
  type KeyedHistogram,
  recordValue,
} from './histogram-registry.ts';
import { type RequestSampler, type SampledRequest, toSampledRequest } from './request-sampler.ts';
import {
  createRequestState,
  getRequestState,
  OpenConnections,
  type RequestState,
} from './request-state.ts';
import { enterRequestContext, type Tenant } from './tenant-context.ts';

/** Part of the agent that fails if a callback throws. */
const PART = 'the request metrics';

/** Boundaries for Prometheus in seconds, as the semantic conventions recommend. */
const REQUEST_DURATION_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

export interface HttpInstrumentationOptions {
  histograms: HistogramRegistry;
  /** Paths that are not recorded. A trailing `*` matches any suffix. */
  ignoreRoutes: readonly string[];
  /** Returns whether a server belongs to Perfscope. Its requests are not recorded. */
  isOwnServer: (server: Server) => boolean;
  /** Called for each recorded request. */
  onRequest: (durationMs: number, failed: boolean) => void;
  /** Called for each 5xx response, with the thrown value if known. */
  onServerError?: ((request: SampledRequest, thrown: unknown) => void) | undefined;
  /** Keeps slow and failed requests. */
  sampler: RequestSampler;
  /** Returns the tenant of a request. */
  resolveTenant: (request: IncomingMessage) => Tenant | undefined;
}

interface HttpChannelMessage {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/**
 * Records each HTTP request that this process serves as `http.server.request.duration`, by method,
 * route, and status. It subscribes to the diagnostics channels of Node.js, so it patches nothing.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 *
 * @returns functions that stop recording, and that record the open requests as aborted
 */
export function instrumentHttp(options: HttpInstrumentationOptions): {
  stop: () => void;
  abortOpenRequests: () => void;
} {
  const isIgnored = createPathMatcher(options.ignoreRoutes);
  const histogram = options.histograms.create({
    scope: 'perfscope.http',
    name: 'http.server.request.duration',
    unit: 's',
    description: 'Duration of HTTP server requests.',
    boundaries: REQUEST_DURATION_BOUNDARIES_S,
  });

  const seriesCache = new RequestSeriesCache(histogram);
  const { sampler } = options;

  const complete = (state: RequestState, aborted: boolean) => {
    if (state.ended) return;
    state.ended = true;
    state.openRequests.remove(state);
    const durationMs = performance.now() - state.startMs;
    const status = aborted ? ABORTED_STATUS : state.response.statusCode;
    recordValue(seriesCache.getSeries(state, status), durationMs / 1000);
    const failed = status >= 500;
    options.onRequest(durationMs, failed);
    if (sampler.shouldSample(durationMs, failed)) {
      const request = toSampledRequest(state, durationMs, aborted ? undefined : status);
      sampler.add(request, failed);
      if (failed) options.onServerError?.(request, state.thrown);
    }
    // Release the error, even if the application keeps a reference to the request.
    state.thrown = undefined;
  };

  const resolveTenant = (request: IncomingMessage) => {
    try {
      return options.resolveTenant(request);
    } catch {
      return undefined;
    }
  };

  const connections = new OpenConnections(complete);
  const onStart = guard(PART, ({ request, response, server }: HttpChannelMessage) => {
    if (options.isOwnServer(server) || isIgnored(request.url ?? '')) return;
    const openRequests = connections.getOpenRequests(request.socket);
    const state = createRequestState(request, response, openRequests, resolveTenant(request));
    openRequests.add(state);
    enterRequestContext(state);
  });
  const onFinish = guard(PART, ({ request }: HttpChannelMessage) => {
    const state = getRequestState(request);
    if (state) complete(state, false);
  });

  const start = onStart as (message: unknown) => void;
  const finish = onFinish as (message: unknown) => void;
  subscribe('http.server.request.start', start);
  subscribe('http.server.response.finish', finish);
  return {
    stop: () => {
      unsubscribe('http.server.request.start', start);
      unsubscribe('http.server.response.finish', finish);
    },
    abortOpenRequests: () => connections.completeAll(),
  };
}

/** @returns a function that matches the path of a URL against `patterns` */
function createPathMatcher(patterns: readonly string[]): (url: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((p) => p.endsWith('*')).map((p) => p.slice(0, -1));
  return (url) => {
    const queryIndex = url.indexOf('?');
    const path = queryIndex < 0 ? url : url.slice(0, queryIndex);
    if (exact.has(path)) return true;
    for (const prefix of prefixes) if (path.startsWith(prefix)) return true;
    return false;
  };
}

/** Placeholder for the status of an aborted request, which has none. */
const ABORTED_STATUS = 0;

const HTTP_METHODS = 'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE _OTHER'.split(' ');
/** Number of combinations of method and scheme. */
const STATUS_STRIDE = 2 * HTTP_METHODS.length;

/**
 * Finds the series of a request. For requests without a tenant, it combines method, scheme, and
 * status into a numeric key. Building and hashing a string key would take longer than recording the
 * value.
 */
class RequestSeriesCache {
  readonly #histogram: KeyedHistogram;
  readonly #methodNumbers = new Map(HTTP_METHODS.map((method, i) => [method, 2 * i]));
  readonly #byRoute = new Map<string | undefined, Map<number, HistogramSeries>>();
  #cachedCount = 0;

  constructor(histogram: KeyedHistogram) {
    this.#histogram = histogram;
  }

  /** @param status status of the response, or {@link ABORTED_STATUS} */
  getSeries(state: RequestState, status: number): HistogramSeries {
    const { tenant, route } = state;
    if (tenant !== undefined) return this.#findSeries(state, status, tenant);
    const method = this.#methodNumbers.get(state.method)!;
    const number = status * STATUS_STRIDE + method + (state.scheme === 'https' ? 1 : 0);
    let routeSeries = this.#byRoute.get(route);
    const cached = routeSeries?.get(number);
    if (cached !== undefined) return cached;
    const series = this.#findSeries(state, status, NO_TENANT);
    // Limits the cache, because an application can create any number of routes.
    if (this.#cachedCount < MAX_SERIES) {
      this.#cachedCount += 1;
      if (routeSeries === undefined) {
        routeSeries = new Map();
        this.#byRoute.set(route, routeSeries);
      }
      routeSeries.set(number, series);
    }
    return series;
  }

  #findSeries(
    { method, scheme, route }: RequestState,
    status: number,
    tenant: Tenant,
  ): HistogramSeries {
    const { organizationId = '', propertyId = '' } = tenant;
    const key = `${status} ${method} ${scheme} ${route}\n${organizationId}\n${propertyId}`;
    const overflowAttributes =
      status === ABORTED_STATUS
        ? ABORTED_ATTRIBUTES
        : status >= 500
          ? toErrorAttributes(status)
          : EMPTY_ATTRIBUTES;
    const createAttributes = (): Attributes => ({
      'http.request.method': method,
      'url.scheme': scheme,
      ...(route !== undefined && { 'http.route': route }),
      ...(status !== ABORTED_STATUS && { 'http.response.status_code': status }),
      ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
      ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
      ...overflowAttributes,
    });
    return this.#histogram.getSeries(key, createAttributes, overflowAttributes);
  }
}

const NO_TENANT: Tenant = {};
const ABORTED_ATTRIBUTES: Attributes = { [ATTR_REQUEST_ABORTED]: true };

function toErrorAttributes(status: number): Attributes {
  return { 'error.type': String(status) };
}
