import { join } from 'node:path';
import protobuf from 'protobufjs';

const PROTO_FOLDER = join(import.meta.dirname, 'opentelemetry-proto');
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => join(PROTO_FOLDER, target);
root.loadSync([
  'opentelemetry/proto/collector/metrics/v1/metrics_service.proto',
  'opentelemetry/proto/collector/trace/v1/trace_service.proto',
]);

export const MetricsRequest = lookup('collector.metrics.v1.ExportMetricsServiceRequest');
export const TracesRequest = lookup('collector.trace.v1.ExportTraceServiceRequest');
export const MetricsResponse = lookup('collector.metrics.v1.ExportMetricsServiceResponse');
export const TracesResponse = lookup('collector.trace.v1.ExportTraceServiceResponse');

function lookup(name: string): protobuf.Type {
  return root.lookupType(`opentelemetry.proto.${name}`);
}

/** Encodes a message with protobufjs. Integers of 64 bits can be text. */
export function encodeOfficially(type: protobuf.Type, message: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(message)).finish());
}

/** Decodes a message with protobufjs, and returns it in the JSON encoding of OTLP. */
export function toOfficialJson(type: protobuf.Type, body: Uint8Array): object {
  const options = { longs: String, bytes: String, json: true };
  return hexIds(type.toObject(type.decode(body), options)) as object;
}

/** OTLP writes the IDs of traces and spans in hex digits instead of base64. */
function hexIds(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((element) => hexIds(element));
  if (typeof value === 'string' && /^(?:traceId|spanId|parentSpanId)$/.test(key)) {
    return Buffer.from(value, 'base64').toString('hex');
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, hexIds(field, name)]),
  );
}
