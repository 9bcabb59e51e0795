import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import {
  ExplicitHistogramAccumulator,
  ExponentialHistogramAccumulator,
} from '../../core/histogram/histogram-accumulators.ts';
import { SeriesCache } from './cardinality-limit.ts';
import { isRecordable } from './normalize-attributes.ts';

export interface HistogramOptions {
  scope: string;
  name: string;
  unit: string;
  description: string;
  /** Bucket boundaries for Prometheus. */
  boundaries: readonly number[];
}

/** A histogram for one set of attributes. */
export interface HistogramSeries {
  readonly attributes: Attributes;
  /** Values since the last export. */
  delta: ExponentialHistogramAccumulator;
  /** Values since the start, or undefined if no reader scrapes them. */
  readonly cumulative: ExplicitHistogramAccumulator | undefined;
}

/**
 * A histogram whose callers identify a series by a key. SDK instruments, in contrast, sort and
 * serialize all attributes for each value. This accounts for most of their cost.
 */
export class KeyedHistogram {
  readonly options: HistogramOptions;
  readonly #series: SeriesCache<HistogramSeries>;

  constructor(options: HistogramOptions, isScraped: boolean, onOverflow: () => void) {
    this.options = options;
    this.#series = new SeriesCache((attributes) => {
      const cumulative = isScraped
        ? new ExplicitHistogramAccumulator(options.boundaries)
        : undefined;
      return { attributes, delta: new ExponentialHistogramAccumulator(), cumulative };
    }, onOverflow);
  }

  /** Returns the series of `key`. See {@link SeriesCache.get} for the parameters. */
  getSeries(
    key: string,
    createAttributes: () => Attributes,
    overflowAttributes?: Attributes,
  ): HistogramSeries {
    return this.#series.get(key, createAttributes, overflowAttributes);
  }

  /** Adds a value to the series of `key`. */
  record(
    value: number,
    key: string,
    createAttributes: () => Attributes,
    overflowAttributes?: Attributes,
  ): void {
    recordValue(this.getSeries(key, createAttributes, overflowAttributes), value);
  }

  getAllSeries(): Iterable<HistogramSeries> {
    return this.#series.values();
  }
}

/** A series with values in the current interval. */
export interface OpenSeries {
  readonly options: HistogramOptions;
  readonly series: HistogramSeries;
  /** Start of the interval. */
  readonly startTime: HrTime;
}

/** Adds a value to a series. Ignores a value that would make the sum infinite or invalid. */
export function recordValue(series: HistogramSeries, value: number): void {
  if (!isRecordable(value)) return;
  series.delta.add(value);
  series.cumulative?.add(value);
}

/** Creates keyed histograms, and passes their values to OpenTelemetry readers. */
export class HistogramRegistry {
  readonly #histograms: KeyedHistogram[] = [];
  readonly #onOverflow: () => void;
  readonly #startTime = toHrTime(Date.now());
  #intervalStartTime = this.#startTime;
  #isScraped = false;

  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow;
  }

  create(options: HistogramOptions): KeyedHistogram {
    const histogram = new KeyedHistogram(options, this.#isScraped, this.#onOverflow);
    this.#histograms.push(histogram);
    return histogram;
  }

  /** Returns all values since the start, for Prometheus. Must be called before `create`. */
  createCumulativeProducer(): MetricProducer {
    this.#isScraped = true;
    return {
      collect: async () =>
        toCollectionResult(
          this.#toScopeMetrics((histogram) =>
            this.#toCumulativeMetric(histogram, toHrTime(Date.now())),
          ),
        ),
    };
  }

  /** Returns the values since the last call, in exponential buckets. */
  collectDelta(nowMs: number): ScopeMetrics[] {
    const startTime = this.#intervalStartTime;
    const endTime = toHrTime(nowMs);
    this.#intervalStartTime = endTime;
    return this.#toScopeMetrics((histogram) => this.#toDeltaMetric(histogram, startTime, endTime));
  }

  /** Yields the series with values since the last `collectDelta`, without ending the interval. */
  *getOpenSeries(): Iterable<OpenSeries> {
    for (const histogram of this.#histograms) {
      const { options } = histogram;
      for (const series of histogram.getAllSeries()) {
        if (series.delta.count > 0) yield { options, series, startTime: this.#intervalStartTime };
      }
    }
  }

  #toScopeMetrics(toMetric: (histogram: KeyedHistogram) => MetricData): ScopeMetrics[] {
    return this.#histograms.flatMap((histogram) => {
      const { scope } = histogram.options;
      const metric = toMetric(histogram);
      return metric.dataPoints.length > 0 ? [{ scope: { name: scope }, metrics: [metric] }] : [];
    });
  }

  #toDeltaMetric(histogram: KeyedHistogram, startTime: HrTime, endTime: HrTime): MetricData {
    const dataPoints = [...histogram.getAllSeries()].flatMap((series) => {
      if (series.delta.count === 0) return [];
      const value = series.delta.toPoint();
      series.delta = new ExponentialHistogramAccumulator();
      return [{ startTime, endTime, attributes: series.attributes, value }];
    });
    return {
      descriptor: toDescriptor(histogram),
      aggregationTemporality: AggregationTemporality.DELTA,
      dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
      dataPoints,
    };
  }

  #toCumulativeMetric(histogram: KeyedHistogram, endTime: HrTime): MetricData {
    const startTime = this.#startTime;
    const dataPoints = [...histogram.getAllSeries()].flatMap(({ attributes, cumulative }) =>
      cumulative ? [{ startTime, endTime, attributes, value: cumulative.toPoint() }] : [],
    );
    return {
      descriptor: toDescriptor(histogram),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints,
    };
  }
}

function toDescriptor({ options }: KeyedHistogram) {
  const { name, unit, description } = options;
  return { name, unit, description, valueType: ValueType.DOUBLE };
}

function toCollectionResult(scopeMetrics: ScopeMetrics[]) {
  return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
}

function toHrTime(ms: number): HrTime {
  return [Math.trunc(ms / 1000), Math.trunc((ms % 1000) * 1e6)];
}
