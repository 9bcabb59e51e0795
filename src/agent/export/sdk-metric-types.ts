/*
 * Metrics and metric readers of the OpenTelemetry SDK, as far as Perfscope uses them. The declarations are the same in
 * SDK 2.x and 3.x, and so are the values of the enums at run time. They are declared here, because the published types
 * must not import the application's SDK, and because the application chooses its version.
 */

/** Seconds since the epoch, and nanoseconds. */
export type SdkTime = readonly [seconds: number, nanoseconds: number];
export type SdkAttributes = Readonly<Record<string, unknown>>;

/** `AggregationTemporality` of the SDK: 0 is delta, 1 is cumulative. */
export type SdkTemporality = 0 | 1;

/** `AggregationOption` of the SDK: 0 is the default, 5 is an exponential histogram. */
export type SdkAggregation =
  | { type: 0 }
  | { type: 5; options: { recordMinMax: boolean; maxSize: number } };

export interface SdkDataPoint {
  readonly startTime: SdkTime;
  readonly endTime: SdkTime;
  readonly attributes: SdkAttributes;
  /** A number, a `Histogram`, or an `ExponentialHistogram`. */
  readonly value: unknown;
}

/** `MetricData` of the SDK. */
export interface SdkMetric {
  readonly descriptor: {
    readonly name: string;
    readonly unit: string;
    readonly description: string;
  };
  readonly aggregationTemporality: number;
  /** `DataPointType`: 0 is a histogram, 1 an exponential histogram, 2 a gauge, and 3 a sum. */
  readonly dataPointType: number;
  readonly isMonotonic?: boolean;
  readonly dataPoints: readonly SdkDataPoint[];
}

/** `InstrumentationScope` of the SDK. */
export interface SdkScope {
  readonly name: string;
  readonly version?: string | undefined;
  readonly schemaUrl?: string | undefined;
}

/** `Resource` of the SDK. */
export interface SdkResource {
  readonly attributes: SdkAttributes;
  /** Whether some attributes are not yet known. */
  readonly asyncAttributesPending?: boolean | undefined;
  waitForAsyncAttributes?(): Promise<void>;
  getRawAttributes?(): readonly (readonly [name: string, value: unknown])[];
}

/** `ResourceMetrics` of the SDK. */
export interface SdkResourceMetrics {
  readonly resource: SdkResource;
  readonly scopeMetrics: readonly {
    readonly scope: SdkScope;
    readonly metrics: readonly SdkMetric[];
  }[];
}

/** Result of an export: 0 is success, 1 is failure. */
export interface ExportResult {
  code: 0 | 1;
  error?: Error;
}

interface TimeoutOptions {
  timeoutMillis?: number;
}

/** A metric reader for SDK 2.x and 3.x. Pass it in `metricReaders` of `NodeSDK`, or in `readers` of `MeterProvider`. */
export interface MetricReader {
  /** Called by the SDK. */
  setMetricProducer(producer: object): void;
  selectAggregation(instrumentType: string): SdkAggregation;
  selectAggregationTemporality(instrumentType: string): SdkTemporality;
  selectCardinalityLimit(instrumentType: string): number;
  // biome-ignore lint/suspicious/noExplicitAny: the result has the types of the application's SDK.
  collect(options?: TimeoutOptions): Promise<{ resourceMetrics: any; errors: unknown[] }>;
  /** Exports the current interval. */
  forceFlush(options?: TimeoutOptions): Promise<void>;
  /** Exports the current interval, and stops. */
  shutdown(options?: TimeoutOptions): Promise<void>;
}
