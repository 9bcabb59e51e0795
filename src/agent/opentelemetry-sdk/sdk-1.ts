/*
 * SDK 1.x of OpenTelemetry, which Perfscope's exporters don't support. An exporter must not break an application that uses
 * it, so it records nothing.
 */
import type { SdkAggregation, SdkResource } from '../export/sdk-metric-types.ts';
import { reportSdk1 } from './exporter-pipeline.ts';
import type { SdkSpan } from './sdk-span-types.ts';

/** Whether the resource is from SDK 1.x. SDK 2.x added the method `getRawAttributes`. */
export function isSdk1Resource(resource: SdkResource & { readonly merge?: unknown }): boolean {
  return typeof resource.merge === 'function' && typeof resource.getRawAttributes !== 'function';
}

/** Whether the span is from SDK 1.x. SDK 2.x renamed `instrumentationLibrary` to `instrumentationScope`. */
export function isSdk1Span(
  span: Partial<Record<keyof SdkSpan | 'instrumentationLibrary', unknown>>,
) {
  return span.instrumentationLibrary !== undefined && span.instrumentationScope === undefined;
}

/** `DropAggregator` of SDK 1.x. It keeps no values. */
const DROP_AGGREGATOR = {
  kind: 0,
  createAccumulation: () => {},
  merge: () => {},
  diff: () => {},
  toMetricData: () => {},
};

/**
 * Returns an aggregation for all versions of the SDK. SDK 2.x and newer read its type and options. SDK 1.x calls
 * `createAggregator`, and then keeps no values for the reader.
 */
export function createAggregation(aggregation: SdkAggregation): SdkAggregation {
  const createAggregator = () => {
    reportSdk1();
    return DROP_AGGREGATOR;
  };
  return Object.defineProperty({ ...aggregation }, 'createAggregator', { value: createAggregator });
}
