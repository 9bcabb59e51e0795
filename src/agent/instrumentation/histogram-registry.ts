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

export interface HistogramOptions {
  scope: string;
  name: string;
  unit: string;
  description: string;
  /** Bounds of the buckets that Prometheus gets. */
  boundaries: readonly number[];
}

/** One series: its attributes, and its values since the last cycle and since the start. */
export interface HistogramSeries {
  readonly attributes: Attributes;
  delta: ExponentialHistogramAccumulator;
  readonly cumulative: ExplicitHistogramAccumulator | undefined;
}

/**
 * A histogram whose series are found by a key that the caller knows, instead of by sorting and
 * printing all attributes for each value, which is what an instrument of the SDK spends most on.
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

  /** The series of `key`; see {@link SeriesCache.get} for `make` and `kept`. */
  getSeries(key: string, make: () => Attributes, kept?: Attributes): HistogramSeries {
    return this.#series.get(key, make, kept);
  }

  /** Adds a value to the series of `key`. */
  record(value: number, key: string, make: () => Attributes, kept?: Attributes): void {
    recordValue(this.getSeries(key, make, kept), value);
  }

  getAllSeries(): Iterable<HistogramSeries> {
    return this.#series.values();
  }
}

/** Adds a value to a series that is known. */
export function recordValue(series: HistogramSeries, value: number): void {
  series.delta.add(value);
  series.cumulative?.add(value);
}

/** The process' fast histograms, and what gives them to OpenTelemetry's readers. */
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

  /** For a reader that is scraped: everything since the start. It has to be asked for first. */
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

  /** Ends the cycle: what has come since the last one, in exponential buckets. */
  collectDelta(nowMs: number): ScopeMetrics[] {
    const startTime = this.#intervalStartTime;
    const endTime = toHrTime(nowMs);
    this.#intervalStartTime = endTime;
    return this.#toScopeMetrics((histogram) => this.#toDeltaMetric(histogram, startTime, endTime));
  }

  #toScopeMetrics(metric: (histogram: KeyedHistogram) => MetricData): ScopeMetrics[] {
    return this.#histograms.flatMap((histogram) => {
      const { scope } = histogram.options;
      const data = metric(histogram);
      return data.dataPoints.length > 0 ? [{ scope: { name: scope }, metrics: [data] }] : [];
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
