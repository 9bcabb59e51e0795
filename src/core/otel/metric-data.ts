/** Value of an attribute. Values of other types are stored as JSON text. */
export type OtelAttributeValue =
  | string
  | number
  | boolean
  | readonly (string | number | boolean | null | undefined)[];
export type OtelAttributes = Readonly<Record<string, OtelAttributeValue | undefined>>;

/** A library or a part of an application that records metrics or spans. */
export interface OtelScope {
  readonly name: string;
  readonly version?: string | undefined;
  readonly schemaUrl?: string | undefined;
}

/** A measurement that a point kept as an example, with the trace in which it was recorded. */
export interface OtelExemplar {
  readonly timeMs: number;
  readonly value: number;
  /** 32 lowercase hex digits. Undefined outside of a trace. */
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  /** Attributes that the point doesn't have. */
  readonly attributes?: OtelAttributes | undefined;
}

interface OtelPoint {
  /**
   * Immutable. Points of one series usually share one object, also across OTLP requests, so a `WeakMap` can cache what
   * follows from the attributes. Attributes that aren't the same object can still be equal.
   */
  readonly attributes: OtelAttributes;
  /** Start of the interval. 0 if it is unknown, as for most gauges. Times can have a fraction. */
  readonly startTimeMs: number;
  readonly timeMs: number;
  readonly exemplars?: readonly OtelExemplar[] | undefined;
  /** Whether the sender marked the series as ended (`NO_RECORDED_VALUE`). Such a point has no value. */
  readonly hasNoValue?: boolean | undefined;
}

export interface OtelNumberPoint extends OtelPoint {
  /** NaN if the sender set no value. */
  readonly value: number;
}

export interface OtelHistogramPoint extends OtelPoint {
  readonly count: number;
  readonly sum?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Upper bounds of the buckets, in ascending order, without the last bucket, which has no bound. */
  readonly bounds: readonly number[];
  /** One more than `bounds`, or none if the sender recorded no buckets. */
  readonly bucketCounts: readonly number[];
}

export interface OtelExponentialHistogramPoint extends OtelPoint {
  readonly count: number;
  readonly sum?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly scale: number;
  readonly zeroCount: number;
  readonly zeroThreshold?: number | undefined;
  readonly positive: { readonly offset: number; readonly bucketCounts: readonly number[] };
  readonly negative: { readonly offset: number; readonly bucketCounts: readonly number[] };
}

export interface OtelSummaryPoint extends OtelPoint {
  readonly count: number;
  readonly sum: number;
  /** `quantile` is 0 to 1. */
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

/** `unspecified` is invalid in OTLP, but possible. */
export type OtelTemporality = 'delta' | 'cumulative' | 'unspecified';

interface OtelMetricBase {
  readonly name: string;
  readonly unit: string;
  readonly description?: string | undefined;
}

/** A metric and its points. `empty` is a metric without data, or with data of an unknown kind. */
export type OtelMetric = OtelMetricBase &
  (
    | { readonly kind: 'gauge'; readonly points: readonly OtelNumberPoint[] }
    | {
        readonly kind: 'sum';
        readonly temporality: OtelTemporality;
        readonly isMonotonic: boolean;
        readonly points: readonly OtelNumberPoint[];
      }
    | {
        readonly kind: 'histogram';
        readonly temporality: OtelTemporality;
        readonly points: readonly OtelHistogramPoint[];
      }
    | {
        readonly kind: 'exponentialHistogram';
        readonly temporality: OtelTemporality;
        readonly points: readonly OtelExponentialHistogramPoint[];
      }
    | { readonly kind: 'summary'; readonly points: readonly OtelSummaryPoint[] }
    | { readonly kind: 'empty'; readonly points: readonly [] }
  );

export interface OtelScopeMetrics {
  readonly scope: OtelScope;
  readonly metrics: readonly OtelMetric[];
}

/**
 * The metrics of one process, as in one `ResourceMetrics` message of OTLP. They are independent of how they were received:
 * from an SDK in this process, or over OTLP (https://opentelemetry.io/docs/specs/otel/metrics/data-model/). Times are in ms
 * since the epoch.
 */
export interface OtelResourceMetrics {
  /** Attributes of the resource, such as `service.name`. Immutable, and usually shared across OTLP requests. */
  readonly resource: OtelAttributes;
  readonly scopes: readonly OtelScopeMetrics[];
}
