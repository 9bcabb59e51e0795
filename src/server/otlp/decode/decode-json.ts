import { DecodeSession } from './decode-session.ts';
import { countPoints } from './decoded-metric.ts';
import {
  DEFAULT_DECODE_LIMITS,
  type DecodedMetrics,
  type DecodedTraces,
  type DecodeLimits,
} from './decoded-request.ts';
import { countSpans } from './decoded-span.ts';
import { JsonMessage } from './json-message.ts';
import { JsonMetrics } from './json-metrics.ts';
import { JsonTraces } from './json-traces.ts';
import { parseJsonBody } from './parse-json-body.ts';

/**
 * Decodes an `ExportMetricsServiceRequest` in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 *
 * @throws OtlpDecodeError if the body is malformed
 */
export function decodeMetricsJson(
  body: Uint8Array,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): DecodedMetrics {
  const session = new DecodeSession(limits);
  return readMetrics(parseJsonBody(body, session), session);
}

/** Same as `decodeMetricsJson`, for a parsed body. */
export function decodeParsedMetrics(value: unknown, limits: DecodeLimits): DecodedMetrics {
  return readMetrics(value, new DecodeSession(limits));
}

function readMetrics(value: unknown, session: DecodeSession): DecodedMetrics {
  const resources = new JsonMetrics(session).readRequest(JsonMessage.root(value));
  const points = resources.reduce((count, { scopes }) => count + countPoints(scopes), 0);
  return { resources, points, rejected: session.rejected };
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
  const session = new DecodeSession(limits);
  return readTraces(parseJsonBody(body, session), session);
}

/** Same as `decodeTracesJson`, for a parsed body. */
export function decodeParsedTraces(value: unknown, limits: DecodeLimits): DecodedTraces {
  return readTraces(value, new DecodeSession(limits));
}

function readTraces(value: unknown, session: DecodeSession): DecodedTraces {
  const resources = new JsonTraces(session).readRequest(JsonMessage.root(value));
  const spans = resources.reduce((count, { scopes }) => count + countSpans(scopes), 0);
  const { rejected, shortenedTexts } = session;
  return { resources, spans, rejected, shortenedTexts };
}
