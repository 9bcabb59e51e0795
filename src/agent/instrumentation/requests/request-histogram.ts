import type { Attributes } from '@opentelemetry/api';
import { RequestAccumulator } from '../../../core/histogram/request-accumulator.ts';
import { HTTP_METHODS, OTHER_HTTP_METHOD } from '../../../core/otel/mapping/http-methods.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../attribute-keys.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import type { RequestParts } from '../context/request-parts.ts';
import type { Tenant } from '../context/tenant-context.ts';
import { EMPTY_ATTRIBUTES, MAX_SERIES, SeriesCache } from '../histograms/cardinality-limit.ts';
import {
  addForReaders,
  type CumulativeCounter,
  createReaderSeries,
  type HistogramOptions,
  type HistogramReaders,
  type ReaderSeries,
  type RegisteredHistogram,
} from '../histograms/keyed-histogram.ts';
import { isRecordable } from '../histograms/normalize-attributes.ts';
import { HTTP, type RequestProtocol } from './request-protocol.ts';
import type { RequestState } from './request-state.ts';

/** How a request ended. Times are in ms. */
export interface RequestEnd {
  readonly durationMs: number;
  /** Time until the first byte of the response was sent. */
  readonly firstByteMs: number;
  /** Status of the response. Undefined if there is none. */
  readonly status: number | undefined;
  /** Whether the client closed the connection before the response was complete. */
  readonly aborted: boolean;
  /** Whether the server failed: with a 5xx status, or after it sent the headers. */
  readonly failed: boolean;
  /** Time in which other code blocked the event loop. Also part of `parts`. */
  readonly eventLoopWaitMs: number;
  /** Undefined if the request had no operations. */
  readonly parts: RequestParts | undefined;
}

/** The requests of one endpoint in the current interval. */
interface EndpointSeries {
  readonly attributes: Attributes;
  delta: RequestAccumulator;
}

/** A counter of aborted requests. */
interface AbortedSeries {
  readonly attributes: Attributes;
  value: number;
}

/** Series that a request with a certain status belongs to. */
interface RequestSeries {
  readonly endpoint: EndpointSeries;
  /** Undefined without a reader, and for aborted requests. */
  readonly status: ReaderSeries | undefined;
  readonly abortedCounter: AbortedSeries | undefined;
}

export interface RequestHistogramOptions extends HistogramOptions {
  /** Name and description of the counter of aborted requests. */
  readonly abortedCounter: { readonly name: string; readonly description: string };
  /** Default: HTTP. */
  readonly protocol?: RequestProtocol;
}

/**
 * A histogram of requests. Rows have one series per method, route, and tenant, and count the statuses in
 * columns. Readers get one series per status, as the semantic conventions require.
 */
export class RequestHistogram implements RegisteredHistogram {
  readonly options: RequestHistogramOptions;
  readonly #protocol: RequestProtocol;
  readonly #hasReaders: boolean;
  readonly #endpoints: SeriesCache<EndpointSeries>;
  readonly #statuses: SeriesCache<ReaderSeries>;
  readonly #aborted: SeriesCache<AbortedSeries>;
  readonly #methodNumbers = new Map(METHODS.map((method, i) => [method, 4 * i]));
  readonly #byRoute = new Map<string | undefined, Map<number, RequestSeries>>();
  #cachedCount = 0;

  constructor(options: RequestHistogramOptions, readers: HistogramReaders, onOverflow: () => void) {
    this.options = options;
    this.#protocol = options.protocol ?? HTTP;
    this.#hasReaders = readers.isScraped || readers.exportAggregation !== undefined;
    this.#endpoints = new SeriesCache(
      (attributes) => ({ attributes, delta: this.createDelta() }),
      onOverflow,
    );
    this.#statuses = new SeriesCache(
      (attributes) => createReaderSeries(attributes, options, readers),
      onOverflow,
    );
    this.#aborted = new SeriesCache((attributes) => ({ attributes, value: 0 }), onOverflow);
  }

  record(state: RequestState, end: RequestEnd): void {
    const { aborted, failed, status } = end;
    const duration = end.durationMs / 1000;
    if (!isRecordable(duration)) return;
    const series = this.#getSeries(state, aborted ? ABORTED : (status ?? 0), failed);
    if (aborted) {
      series.endpoint.delta.addAborted();
      if (series.abortedCounter) series.abortedCounter.value += 1;
    } else {
      const { delta } = series.endpoint;
      const httpStatus = this.#protocol.toHttpStatus(status ?? 0);
      delta.addRequest(duration, end.firstByteMs / 1000, httpStatus, failed);
      if (end.parts !== undefined) delta.addBreakdown(end.parts, 1 / 1000);
      else if (overhead.level >= OverheadLevel.NO_BREAKDOWN) delta.excludeFromBreakdown(duration);
      else if (end.eventLoopWaitMs > 0) delta.addEventLoopWait(end.eventLoopWaitMs / 1000);
      if (series.status !== undefined) addForReaders(series.status, duration);
    }
  }

  get seriesCount(): number {
    return this.#endpoints.size + this.#statuses.size + this.#aborted.size;
  }

  createDelta(): RequestAccumulator {
    return new RequestAccumulator();
  }

  getDeltaSeries(): Iterable<EndpointSeries> {
    return this.#endpoints.values();
  }

  getReaderSeries(): Iterable<ReaderSeries> {
    return this.#statuses.values();
  }

  getCounters(): readonly CumulativeCounter[] {
    const { name, description } = this.options.abortedCounter;
    return [{ name, description, unit: '{request}', series: [...this.#aborted.values()] }];
  }

  /**
   * For requests without a tenant, combines status, method, scheme, and failure into a numeric key. Building and
   * hashing a string key would take longer than recording the value.
   */
  #getSeries(state: RequestState, status: number, failed: boolean): RequestSeries {
    const { tenant, route } = state;
    if (tenant !== undefined) return this.#findSeries(state, status, failed, tenant);
    // All requests of another protocol have the same method.
    const method = this.#methodNumbers.get(state.method) ?? 0;
    const flags = (state.scheme === 'https' ? 1 : 0) + (failed ? 2 : 0);
    const number = status * STATUS_STRIDE + method + flags;
    let routeSeries = this.#byRoute.get(route);
    const cached = routeSeries?.get(number);
    if (cached !== undefined) return cached;
    const series = this.#findSeries(state, status, failed, NO_TENANT);
    // Limits the cache, because an application can create any number of routes.
    if (this.#cachedCount < MAX_SERIES && overhead.level < OverheadLevel.NO_NEW_SERIES) {
      this.#cachedCount += 1;
      if (routeSeries === undefined) {
        routeSeries = new Map();
        this.#byRoute.set(route, routeSeries);
      }
      routeSeries.set(number, series);
    }
    return series;
  }

  #findSeries(state: RequestState, status: number, failed: boolean, tenant: Tenant): RequestSeries {
    const { method, scheme, route, operation } = state;
    const { organizationId = '', propertyId = '' } = tenant;
    const endpointKey = `${method} ${scheme} ${route}\n${organizationId}\n${propertyId}`;
    const createAttributes = (): Attributes => ({
      ...this.#protocol.createAttributes(state),
      ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
      ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
    });
    const endpoint = this.#endpoints.get(endpointKey, createAttributes);
    if (!this.#hasReaders) return { endpoint, status: undefined, abortedCounter: undefined };
    if (status === ABORTED) {
      const abortedCounter = this.#aborted.get(endpointKey, createAttributes);
      return { endpoint, status: undefined, abortedCounter };
    }
    const errorAttributes = failed
      ? { 'error.type': this.#protocol.toErrorType(status, operation) }
      : EMPTY_ATTRIBUTES;
    const statusSeries = this.#statuses.get(
      `${status} ${failed} ${endpointKey}`,
      () => ({
        ...createAttributes(),
        ...this.#protocol.createStatusAttributes(status),
        ...errorAttributes,
      }),
      errorAttributes,
    );
    return { endpoint, status: statusSeries, abortedCounter: undefined };
  }
}

const METHODS = [...HTTP_METHODS, OTHER_HTTP_METHOD];
/** Number of combinations of method, scheme, and failure. */
const STATUS_STRIDE = 4 * METHODS.length;
/** Placeholder for the status of an aborted request. */
const ABORTED = -1;
const NO_TENANT: Tenant = {};
