import type { OtelScopeSpans, OtelSpan, OtelSpanKind } from '../../../core/otel/span-data.ts';

/** Values of the enum `SpanKind`. */
const SPAN_KINDS: readonly OtelSpanKind[] = [
  'unspecified',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
];
/** Values of the enum `StatusCode`. */
const STATUS_CODES: readonly OtelSpan['status'][] = ['unset', 'ok', 'error'];

export function toSpanKind(number: number): OtelSpanKind {
  return SPAN_KINDS[number] ?? 'unspecified';
}

export function toSpanStatus(number: number): OtelSpan['status'] {
  return STATUS_CODES[number] ?? 'unset';
}

export function countSpans(scopes: readonly OtelScopeSpans[]): number {
  return scopes.reduce((count, { spans }) => count + spans.length, 0);
}
