import { DecodeSession } from './decode-session.ts';
import { countPoints } from './decoded-metric.ts';
import {
  DEFAULT_DECODE_LIMITS,
  type DecodedMetrics,
  type DecodedTraces,
  type DecodeLimits,
} from './decoded-request.ts';
import { countSpans } from './decoded-span.ts';
import { ProtobufMetrics } from './protobuf-metrics.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufTraces } from './protobuf-traces.ts';

/**
 * Decodes an `ExportMetricsServiceRequest` in protobuf.
 *
 * @throws OtlpDecodeError if the body is malformed
 */
export function decodeMetricsProtobuf(
  body: Uint8Array,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): DecodedMetrics {
  const session = new DecodeSession(limits);
  const resources = new ProtobufMetrics(new ProtobufReader(body), session).readRequest();
  const points = resources.reduce((count, { scopes }) => count + countPoints(scopes), 0);
  return { resources, points, rejected: session.rejected };
}

/**
 * Decodes an `ExportTraceServiceRequest` in protobuf.
 *
 * @throws OtlpDecodeError if the body is malformed
 */
export function decodeTracesProtobuf(
  body: Uint8Array,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): DecodedTraces {
  const session = new DecodeSession(limits);
  const resources = new ProtobufTraces(new ProtobufReader(body), session).readRequest();
  const spans = resources.reduce((count, { scopes }) => count + countSpans(scopes), 0);
  const { rejected, shortenedTexts } = session;
  return { resources, spans, rejected, shortenedTexts };
}
