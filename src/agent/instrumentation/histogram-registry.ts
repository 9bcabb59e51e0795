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

/** Values of one set of attributes since the last export. */
interface DeltaSeries {
  readonly attributes: Attributes;
  delta: ExponentialHistogramAccumulator;
}

/** Values of one set of attributes since the start. */
export interface CumulativeSeries {
  readonly attributes: Attributes;
  /** Undefined if no reader scrapes the values. */
  readonly cumulative: ExplicitHistogramAccumulator | undefined;
}

/** A histogram for one set of attributes. */
export interface HistogramSeries extends DeltaSeries, CumulativeSeries {}

/** A histogram whose values the registry passes to readers. */
export interface RegisteredHistogram {
  readonly options: HistogramOptions;
  /** Creates the values of a new interval. */
  createDelta(): ExponentialHistogramAccumulator;
  getDeltaSeries(): Iterable<DeltaSeries>;
  getCumulativeSeries(): Iterable<CumulativeSeries>;
  /** Counters that belong to the histogram, for Prometheus. */
  getCounters(): readonly CumulativeCounter[];
}

/** A counter with its values since the start. */
export interface CumulativeCounter extends Pick<HistogramOptions, 'name' | 'unit' | 'description'> {
  readonly series: readonly { attributes: Attributes; value: number }[];
}

/**
 * A histogram whose callers identify a series by a key. SDK instruments, in contrast, sort and
 * serialize all attributes for each value. This accounts for most of their cost.
 */
export class KeyedHistogram implements RegisteredHistogram {
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

  createDelta(): ExponentialHistogramAccumulator {
    return new ExponentialHistogramAccumulator();
  }

  getDeltaSeries(): Iterable<HistogramSeries> {
    return this.#series.values();
  }

  getCumulativeSeries(): Iterable<HistogramSeries> {
    return this.#series.values();
  }

  getCounters(): readonly CumulativeCounter[] {
    return [];
  }
}

/** A series with values in the current interval. */
export interface OpenSeries {
  readonly options: HistogramOptions;
  readonly series: DeltaSeries;
  /** Start of the interval. */
  readonly startTime: HrTime;
}

/** Adds a value to a series. Ignores a value that would make the sum infinite or invalid. */
function recordValue(series: HistogramSeries, value: number): void {
  if (!isRecordable(value)) return;
  series.delta.add(value);
  series.cumulative?.add(value);
}

/** Creates keyed histograms, and passes their values to OpenTelemetry readers. */
export class HistogramRegistry {
  readonly #histograms: RegisteredHistogram[] = [];
  readonly #onOverflow: () => void;
  readonly #startTime = toHrTime(Date.now());
  #intervalStartTime = this.#startTime;
  #isScraped = false;

  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow;
  }

  create(options: HistogramOptions): KeyedHistogram {
    return this.register((...args) => new KeyedHistogram(options, ...args));
  }

  /** Adds the histogram that `createHistogram` returns. */
  register<H extends RegisteredHistogram>(
    createHistogram: (isScraped: boolean, onOverflow: () => void) => H,
  ): H {
    const histogram = createHistogram(this.#isScraped, this.#onOverflow);
    this.#histograms.push(histogram);
    return histogram;
  }

  /** Returns all values since the start, for Prometheus. Must be called before `create`. */
  createCumulativeProducer(): MetricProducer {
    this.#isScraped = true;
    return {
      collect: async () => {
        const endTime = toHrTime(Date.now());
        const scopeMetrics = this.#toScopeMetrics((histogram) => [
          this.#toCumulativeMetric(histogram, endTime),
          ...histogram.getCounters().map((counter) => this.#toCounterMetric(counter, endTime)),
        ]);
        return toCollectionResult(scopeMetrics);
      },
    };
  }

  /** Returns the values since the last call, in exponential buckets. */
  collectDelta(nowMs: number): ScopeMetrics[] {
    const startTime = this.#intervalStartTime;
    const endTime = toHrTime(nowMs);
    this.#intervalStartTime = endTime;
    return this.#toScopeMetrics((histogram) => [toDeltaMetric(histogram, startTime, endTime)]);
  }

  /** Yields the series with values since the last `collectDelta`, without ending the interval. */
  *getOpenSeries(): Iterable<OpenSeries> {
    const startTime = this.#intervalStartTime;
    for (const histogram of this.#histograms) {
      const { options } = histogram;
      for (const series of histogram.getDeltaSeries()) {
        if (series.delta.recordedCount > 0) yield { options, series, startTime };
      }
    }
  }

  #toScopeMetrics(toMetrics: (histogram: RegisteredHistogram) => MetricData[]): ScopeMetrics[] {
    return this.#histograms.flatMap((histogram) => {
      const { scope } = histogram.options;
      const metrics = toMetrics(histogram).filter(({ dataPoints }) => dataPoints.length > 0);
      return metrics.length > 0 ? [{ scope: { name: scope }, metrics }] : [];
    });
  }

  #toCumulativeMetric(histogram: RegisteredHistogram, endTime: HrTime): MetricData {
    const startTime = this.#startTime;
    const dataPoints = [...histogram.getCumulativeSeries()].flatMap(({ attributes, cumulative }) =>
      cumulative ? [{ startTime, endTime, attributes, value: cumulative.toPoint() }] : [],
    );
    return {
      descriptor: toDescriptor(histogram.options),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints,
    };
  }

  #toCounterMetric(counter: CumulativeCounter, endTime: HrTime): MetricData {
    const startTime = this.#startTime;
    return {
      descriptor: toDescriptor(counter),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      dataPoints: counter.series.map((each) => ({ startTime, endTime, ...each })),
    };
  }
}

function toDeltaMetric(
  histogram: RegisteredHistogram,
  startTime: HrTime,
  endTime: HrTime,
): MetricData {
  const dataPoints = [...histogram.getDeltaSeries()].flatMap((series) => {
    if (series.delta.recordedCount === 0) return [];
    const value = series.delta.toPoint();
    series.delta = histogram.createDelta();
    return [{ startTime, endTime, attributes: series.attributes, value }];
  });
  return {
    descriptor: toDescriptor(histogram.options),
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
    dataPoints,
  };
}

function toDescriptor({
  name,
  unit,
  description,
}: Pick<HistogramOptions, 'name' | 'unit' | 'description'>) {
  return { name, unit, description, valueType: ValueType.DOUBLE };
}

function toCollectionResult(scopeMetrics: ScopeMetrics[]) {
  return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
}

function toHrTime(ms: number): HrTime {
  return [Math.trunc(ms / 1000), Math.trunc((ms % 1000) * 1e6)];
}
