/*
 * Spans of the OpenTelemetry SDK, as far as Perfscope uses them. See ../export/sdk-metric-types.ts for the reason why they are
 * declared here.
 */
import type { SdkAttributes, SdkResource, SdkScope, SdkTime } from '../export/sdk-metric-types.ts';

interface SdkSpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** `ReadableSpan` of the SDK. */
export interface SdkSpan {
  readonly name: string;
  /** `SpanKind`: 0 is internal, 1 server, 2 client, 3 producer, and 4 consumer. */
  readonly kind: number;
  readonly spanContext: () => SdkSpanContext;
  readonly parentSpanContext?: SdkSpanContext | undefined;
  readonly startTime: SdkTime;
  readonly endTime: SdkTime;
  /** `SpanStatusCode`: 0 is unset, 1 is OK, and 2 is an error. */
  readonly status: { readonly code: number; readonly message?: string | undefined };
  readonly attributes: SdkAttributes;
  readonly events: readonly {
    readonly name: string;
    readonly time: SdkTime;
    readonly attributes?: SdkAttributes | undefined;
  }[];
  readonly resource: SdkResource;
  readonly instrumentationScope: SdkScope;
}

/** A span processor for SDK 2.x and 3.x. Pass it in `spanProcessors` of `NodeSDK` or of a tracer provider. */
export interface SpanProcessor {
  onStart(span: unknown, parentContext: unknown): void;
  onEnd(span: SdkSpan): void;
  /** Exports all ended spans. */
  forceFlush(): Promise<void>;
  /** Exports all ended spans, and stops. */
  shutdown(): Promise<void>;
}
