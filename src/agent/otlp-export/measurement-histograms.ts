import type { Attributes } from '@opentelemetry/api';
import type { ScopeMetrics } from '@opentelemetry/sdk-metrics';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import {
  ATTR_ENDPOINT,
  ATTR_METRIC_TYPE,
  ATTR_OPERATION,
  ATTR_ORGANIZATION_ID,
  ATTR_PROPERTY_ID,
  ATTR_QUEUE_SCOPE,
} from '../attribute-keys.ts';
import { MAX_SERIES } from '../instrumentation/histograms/cardinality-limit.ts';
import { HistogramRegistry } from '../instrumentation/histograms/histogram-registry.ts';
import type {
  HistogramExportOptions,
  KeyedHistogram,
} from '../instrumentation/histograms/keyed-histogram.ts';

/** Bounds of the SDK's histograms, for values of any unit. */
const DEFAULT_BOUNDARIES = [
  0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000,
];
/** Bounds for times, in seconds. They also suit jobs that take hours. */
const SECONDS_BOUNDARIES = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 60, 600, 3600,
];
/** Name of the histogram that receives the values of all histograms over the limit. */
const OTHER_NAME = 'other.histogram';

/** Attributes with the endpoint and the operation of common metric types. */
const DIMENSION_ATTRIBUTES: Partial<Record<PerformanceMetricType, readonly [string, string]>> = {
  API_RESPONSE_TIME: ['http.route', 'http.request.method'],
  DATABASE_QUERY_TIME: ['db.query.summary', 'db.operation.name'],
  QUEUE_WAIT_TIME: ['messaging.destination.name', 'perfscope.job.name'],
  QUEUE_PROCESSING_TIME: ['messaging.destination.name', 'perfscope.job.name'],
  QUEUE_DEPTH: ['messaging.destination.name', 'perfscope.job.state'],
  QUEUE_OLDEST_AGE: ['messaging.destination.name', 'perfscope.job.state'],
};

/**
 * Histograms of the values that the application records with `recordMetric`. OTLP has no single values. The number of
 * histograms and of their series is limited.
 */
export class MeasurementHistograms {
  readonly #registry: HistogramRegistry;
  readonly #histograms = new Map<string, KeyedHistogram>();
  readonly #service: string;
  readonly #onOverflow: () => void;
  /** Returns the values for the next export. */
  readonly collect: (nowMs: number) => ScopeMetrics[];

  /**
   * @param service service of this process
   * @param onOverflow called when values are combined because there are too many series or names
   */
  constructor(options: HistogramExportOptions, service: string, onOverflow: () => void) {
    this.#service = service;
    this.#onOverflow = onOverflow;
    this.#registry = new HistogramRegistry(onOverflow);
    this.collect = this.#registry.createExport(options);
  }

  /** Adds the value of a row. Test values are not exported. */
  add(row: PerformanceMetricRow): void {
    const { value, test } = row;
    if (value === undefined || test) return;
    const isMs = row.unit === 'ms';
    const histogram = this.#getHistogram(row.name ?? '', isMs ? 's' : (row.unit ?? ''));
    const key = [
      row.metricType,
      row.endpoint,
      row.operation,
      row.queueScope,
      row.organizationId,
      row.propertyId,
      row.service,
      row.errorCount,
      row.tags,
    ].join('\n');
    histogram.record(isMs ? value / 1000 : value, key, () => ({
      ...toAttributes(row),
      // The resource has the service of the process.
      ...(row.service !== this.#service && { 'service.name': row.service }),
    }));
  }

  #getHistogram(name: string, unit: string): KeyedHistogram {
    const key = `${unit}\n${name}`;
    const existing = this.#histograms.get(key);
    if (existing) return existing;
    if (this.#histograms.size >= MAX_SERIES && name !== OTHER_NAME) {
      this.#onOverflow();
      return this.#getHistogram(OTHER_NAME, unit === 's' ? 's' : '1');
    }
    const boundaries = unit === 's' ? SECONDS_BOUNDARIES : DEFAULT_BOUNDARIES;
    const scope = 'perfscope.library';
    const created = this.#registry.create({ scope, name, unit, description: '', boundaries });
    this.#histograms.set(key, created);
    return created;
  }
}

function toAttributes(row: PerformanceMetricRow): Attributes {
  const { metricType, endpoint, operation, queueScope, organizationId, propertyId } = row;
  const [endpointKey, operationKey] = DIMENSION_ATTRIBUTES[metricType as PerformanceMetricType] ?? [
    ATTR_ENDPOINT,
    ATTR_OPERATION,
  ];
  return {
    ...parseTags(row.tags),
    ...(metricType &&
      metricType !== PerformanceMetricType.CUSTOM && { [ATTR_METRIC_TYPE]: metricType }),
    ...(endpoint && { [endpointKey]: endpoint }),
    ...(operation && { [operationKey]: operation }),
    ...(queueScope && { [ATTR_QUEUE_SCOPE]: queueScope }),
    ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
    ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
    ...((row.errorCount ?? 0) > 0 && { 'error.type': '_OTHER' }),
  };
}

/** Returns the tags of a row as attributes. Values that aren't texts, numbers, or booleans become JSON. */
function parseTags(tags: string | undefined): Attributes {
  if (tags === undefined) return {};
  const parsed = JSON.parse(tags) as Record<string, unknown>;
  const entries = Object.entries(parsed).flatMap(([key, value]) => {
    if (value === null) return [];
    const isScalar = typeof value !== 'object';
    return [[key, isScalar ? value : JSON.stringify(value)]];
  });
  return Object.fromEntries(entries) as Attributes;
}
