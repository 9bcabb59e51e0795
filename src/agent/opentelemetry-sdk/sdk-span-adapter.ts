import { runGuarded } from '../../core/guard.ts';
import { getOrCreate } from '../../core/maps.ts';
import type { OtelResourceSpans, OtelSpan, OtelSpanKind } from '../../core/otel/span-data.ts';
import {
  EXPORT_PART,
  toAttributes,
  toMs,
  toResourceAttributes,
  toScope,
} from '../export/sdk-metric-adapter.ts';
import type { SdkResource, SdkScope } from '../export/sdk-metric-types.ts';
import { isSdk1Span } from './sdk-1.ts';
import type { SdkSpan } from './sdk-span-types.ts';

/** `SpanKind` of `@opentelemetry/api`. */
const KINDS: readonly OtelSpanKind[] = ['internal', 'server', 'client', 'producer', 'consumer'];
/** `SpanStatusCode` of `@opentelemetry/api`. */
const STATUSES: readonly OtelSpan['status'][] = ['unset', 'ok', 'error'];
const INTERNAL = 0;

/** Whether Perfscope stores spans of this kind: server, client, producer, and consumer spans. */
export function isStoredKind(kind: number): boolean {
  return kind !== INTERNAL;
}

/**
 * Converts the spans of the application's SDK to the neutral model. Omits internal spans, and spans of SDK 1.x.
 *
 * @param onSdk1 called for each span of SDK 1.x
 */
export function fromSdkSpans(
  spans: readonly SdkSpan[],
  onSdk1: () => void = () => {},
): OtelResourceSpans[] {
  const resources = new Map<SdkResource, Map<SdkScope, OtelSpan[]>>();
  for (const span of spans) {
    // One span that can't be converted must not lose the other spans.
    runGuarded(EXPORT_PART, () => {
      if (!isStoredKind(span.kind)) return;
      if (isSdk1Span(span)) return onSdk1();
      const converted = toSpan(span);
      const { resource, instrumentationScope } = span;
      const scopes = getOrCreate(resources, resource, () => new Map<SdkScope, OtelSpan[]>());
      getOrCreate(scopes, instrumentationScope, (): OtelSpan[] => []).push(converted);
    });
  }
  return [...resources].map(([resource, scopes]) => ({
    resource: toResourceAttributes(resource),
    scopes: [...scopes].map(([scope, converted]) => ({ scope: toScope(scope), spans: converted })),
  }));
}

function toSpan(span: SdkSpan): OtelSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    name: String(span.name),
    kind: KINDS[span.kind] ?? 'unspecified',
    startTimeMs: toMs(span.startTime),
    endTimeMs: toMs(span.endTime),
    attributes: toAttributes(span.attributes),
    status: STATUSES[span.status.code] ?? 'unset',
    statusMessage: span.status.message,
    events: span.events.map(({ name, time, attributes }) => ({
      name: String(name),
      timeMs: toMs(time),
      attributes: toAttributes(attributes),
    })),
  };
}
