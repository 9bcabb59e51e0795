import type { OtelResourceMetrics } from '../../../core/otel/metric-data.ts';
import type { OtelResourceSpans } from '../../../core/otel/span-data.ts';

/** Limits of one request. */
export interface DecodeLimits {
  /** Maximum nesting of arrays and maps in the value of an attribute. A string has depth 0. */
  readonly maxValueDepth: number;
  /** Maximum number of attributes of a resource, a scope, a point, a span, or an event. */
  readonly maxAttributes: number;
  /** Maximum bytes of a name, and of an attribute with its key, in UTF-8. */
  readonly maxStringBytes: number;
  /** Maximum number of buckets of a histogram, and of quantiles of a summary. */
  readonly maxBuckets: number;
  /** Estimated maximum size in memory of the decoded request. If it is exceeded, the request is rejected. */
  readonly maxDecodedBytes: number;
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxValueDepth: 32,
  maxAttributes: 128,
  maxStringBytes: 64 * 1024,
  maxBuckets: 4096,
  maxDecodedBytes: 96 * 1024 * 1024,
};

/** Why the decoder rejected a point or a span. The rest of the request is valid. */
export type DecodeRejectReason =
  | 'too_many_attributes'
  | 'attribute_too_long'
  | 'value_too_deep'
  | 'name_too_long'
  | 'too_many_buckets'
  /** The trace ID or the span ID of a span is missing, has the wrong length, or consists of zeros. */
  | 'invalid_span_id';

export interface DecodedMetrics {
  readonly resources: readonly OtelResourceMetrics[];
  /** Number of points in `resources`. */
  readonly points: number;
  /** Number of points that exceeded a limit and aren't in `resources`, by reason. */
  readonly rejected: ReadonlyMap<DecodeRejectReason, number>;
}

export interface DecodedTraces {
  readonly resources: readonly OtelResourceSpans[];
  /** Number of spans in `resources`. */
  readonly spans: number;
  /** Number of spans that exceeded a limit and aren't in `resources`, by reason. */
  readonly rejected: ReadonlyMap<DecodeRejectReason, number>;
  /**
   * Number of texts of spans and events that were shortened to `maxStringBytes`. A span with a long SQL statement or
   * stack trace still counts as a request.
   */
  readonly shortenedTexts: number;
}
