/*
 * OpenTelemetry spans, independent of how they were received: from an SDK in this process, or over OTLP
 * (https://opentelemetry.io/docs/specs/otel/trace/api/#span). Times are in ms since the epoch.
 */
import type { OtelAttributes, OtelScope } from './metric-data.ts';

export type OtelSpanKind =
  | 'unspecified'
  | 'internal'
  | 'server'
  | 'client'
  | 'producer'
  | 'consumer';

export interface OtelSpanEvent {
  readonly name: string;
  readonly timeMs: number;
  readonly attributes: OtelAttributes;
}

export interface OtelSpan {
  /** 32 lowercase hex digits. */
  readonly traceId: string;
  /** 16 lowercase hex digits. */
  readonly spanId: string;
  readonly parentSpanId?: string | undefined;
  readonly name: string;
  readonly kind: OtelSpanKind;
  readonly startTimeMs: number;
  readonly endTimeMs: number;
  readonly attributes: OtelAttributes;
  readonly status: 'unset' | 'ok' | 'error';
  readonly statusMessage?: string | undefined;
  readonly events: readonly OtelSpanEvent[];
}

export interface OtelScopeSpans {
  readonly scope: OtelScope;
  readonly spans: readonly OtelSpan[];
}

/** The spans of one process, as in one `ResourceSpans` message of OTLP. */
export interface OtelResourceSpans {
  /** Attributes of the resource, such as `service.name`. */
  readonly resource: OtelAttributes;
  readonly scopes: readonly OtelScopeSpans[];
}
