import { type HrTime, ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { type CounterOptions, KeyedCounter } from './keyed-counter.ts';
import {
  type CumulativeCounter,
  createExportedValues,
  type DeltaSeries,
  type HistogramExportOptions,
  type HistogramOptions,
  type HistogramReaders,
  KeyedHistogram,
  type RegisteredHistogram,
} from './keyed-histogram.ts';

/** A series with values in the current interval. */
export interface OpenSeries {
  readonly options: HistogramOptions;
  readonly series: DeltaSeries;
  /** Start of the interval. */
  readonly startTime: HrTime;
}

/** Creates keyed histograms, and passes their values to OpenTelemetry readers. */
export class HistogramRegistry {
  readonly #histograms: RegisteredHistogram[] = [];
  readonly #counters: KeyedCounter[] = [];
  readonly #onOverflow: () => void;
  readonly #startTime = toHrTime(Date.now());
  #intervalStartTime = this.#startTime;
  #exportStartTime = this.#startTime;
  #isScraped = false;
  #exportOptions: HistogramExportOptions | undefined;
  /** Exported values of counters. */
  readonly #exportedCounts = new WeakMap<object, number>();

  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow;
  }

  create(options: HistogramOptions): KeyedHistogram {
    return this.register((...args) => new KeyedHistogram(options, ...args));
  }

  /** Adds the histogram that `createHistogram` returns. */
  register<H extends RegisteredHistogram>(
    createHistogram: (readers: HistogramReaders, onOverflow: () => void) => H,
  ): H {
    const readers = {
      isScraped: this.#isScraped,
      exportAggregation: this.#exportOptions?.aggregation,
    };
    const histogram = createHistogram(readers, this.#onOverflow);
    this.#histograms.push(histogram);
    return histogram;
  }

  /** Creates a counter for rows and the OTLP export. It isn't part of the values for Prometheus. */
  createCounter(options: CounterOptions): KeyedCounter {
    const counter = new KeyedCounter(options, this.#onOverflow);
    this.#counters.push(counter);
    return counter;
  }

  /** Returns the number of series in all histograms and counters. */
  countSeries(): number {
    return [...this.#histograms, ...this.#counters].reduce(
      (sum, each) => sum + each.seriesCount,
      0,
    );
  }

  /** Returns all values since the start, for Prometheus. Must be called before `create`. */
  createCumulativeProducer(): MetricProducer {
    this.#isScraped = true;
    return {
      collect: async () => {
        const endTime = toHrTime(Date.now());
        const scopeMetrics = this.#toScopeMetrics((histogram) => [
          this.#toCumulativeMetric(histogram, endTime),
          ...histogram
            .getCounters()
            .map((each) => toCounterMetric(each, 'cumulative', this.#startTime, endTime)),
        ]);
        return toCollectionResult(scopeMetrics);
      },
    };
  }

  /**
   * Keeps values for the OTLP export. Must be called before `create`, and at most once.
   *
   * @returns a function that returns the values for the next export
   */
  createExport(options: HistogramExportOptions): (nowMs: number) => ScopeMetrics[] {
    this.#exportOptions = options;
    return (nowMs) => {
      const isDelta = options.temporality === 'delta';
      const startTime = isDelta ? this.#exportStartTime : this.#startTime;
      const endTime = toHrTime(nowMs);
      this.#exportStartTime = endTime;
      const toMetric = (counter: CumulativeCounter) =>
        toCounterMetric(
          isDelta ? this.#takeIncrease(counter) : counter,
          options.temporality,
          startTime,
          endTime,
        );
      const histograms = this.#toScopeMetrics((histogram) => [
        toExportedMetric(histogram, options, startTime, endTime),
        ...histogram.getCounters().map(toMetric),
      ]);
      return [...histograms, ...this.#counters.flatMap((each) => toScope(each, toMetric(each)))];
    };
  }

  /** Returns the increase of a counter since the last call. */
  #takeIncrease(counter: CumulativeCounter): CumulativeCounter {
    const series = counter.series.flatMap((each) => {
      const { attributes, value } = each;
      const increase = value - (this.#exportedCounts.get(each) ?? 0);
      this.#exportedCounts.set(each, value);
      return increase > 0 ? [{ attributes, value: increase }] : [];
    });
    return { ...counter, series };
  }

  /** Returns the values since the last call, in exponential buckets. */
  collectDelta(nowMs: number): ScopeMetrics[] {
    const startTime = this.#intervalStartTime;
    const endTime = toHrTime(nowMs);
    this.#intervalStartTime = endTime;
    const toMetric = (counter: KeyedCounter) =>
      toCounterMetric(counter.takeIncreases(), 'delta', startTime, endTime);
    return [
      ...this.#toScopeMetrics((histogram) => [toDeltaMetric(histogram, startTime, endTime)]),
      ...this.#counters.flatMap((each) => toScope(each, toMetric(each))),
    ];
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
    const dataPoints = [...histogram.getReaderSeries()].flatMap(({ attributes, cumulative }) =>
      cumulative ? [{ startTime, endTime, attributes, value: cumulative.toPoint() }] : [],
    );
    return {
      descriptor: toDescriptor(histogram.options),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints,
    };
  }
}

/** Returns the metric of a counter in its scope, or nothing if it has no values. */
function toScope({ options }: KeyedCounter, metric: MetricData): ScopeMetrics[] {
  return metric.dataPoints.length > 0
    ? [{ scope: { name: options.scope }, metrics: [metric] }]
    : [];
}

function toCounterMetric(
  counter: CumulativeCounter,
  temporality: HistogramExportOptions['temporality'],
  startTime: HrTime,
  endTime: HrTime,
): MetricData {
  return {
    descriptor: toDescriptor(counter),
    aggregationTemporality: toSdkTemporality(temporality),
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: counter.series.map((each) => ({ startTime, endTime, ...each })),
  };
}

function toSdkTemporality(temporality: HistogramExportOptions['temporality']) {
  return temporality === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
}

/** Returns the values for the OTLP export. Deltas start again. */
function toExportedMetric(
  histogram: RegisteredHistogram,
  { temporality, aggregation }: HistogramExportOptions,
  startTime: HrTime,
  endTime: HrTime,
): MetricData {
  const { options } = histogram;
  const dataPoints = [...histogram.getReaderSeries()].flatMap((series) => {
    const { attributes, exported } = series;
    if (exported === undefined || exported.count === 0) return [];
    if (temporality === 'delta') {
      series.exported = createExportedValues(options.boundaries, aggregation);
    }
    return [{ startTime, endTime, attributes, value: exported.toPoint() }];
  });
  return {
    descriptor: toDescriptor(options),
    aggregationTemporality: toSdkTemporality(temporality),
    dataPointType:
      aggregation === 'explicit' ? DataPointType.HISTOGRAM : DataPointType.EXPONENTIAL_HISTOGRAM,
    dataPoints,
  } as MetricData;
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
