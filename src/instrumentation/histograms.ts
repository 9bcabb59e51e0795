import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { ExplicitSum, ExponentialSum } from '../histogram/sums.ts';
import { SeriesCache } from './series.ts';

export interface HistogramOptions {
  scope: string;
  name: string;
  unit: string;
  description: string;
  /** Bounds of the buckets that Prometheus gets. */
  boundaries: readonly number[];
}

/** One series: its attributes, and its values since the last cycle and since the start. */
export interface Series {
  readonly attributes: Attributes;
  delta: ExponentialSum;
  readonly cumulative: ExplicitSum | undefined;
}

/**
 * A histogram whose series are found by a key that the caller knows, instead of by sorting and
 * printing all attributes for each value, which is what an instrument of the SDK spends most on.
 */
export class FastHistogram {
  readonly options: HistogramOptions;
  readonly #series: SeriesCache<Series>;

  constructor(options: HistogramOptions, isScraped: boolean, onOverflow: () => void) {
    this.options = options;
    this.#series = new SeriesCache((attributes) => {
      const cumulative = isScraped ? new ExplicitSum(options.boundaries) : undefined;
      return { attributes, delta: new ExponentialSum(), cumulative };
    }, onOverflow);
  }

  /** The series of `key`; see {@link SeriesCache.get} for `make` and `kept`. */
  series(key: string, make: () => Attributes, kept?: Attributes): Series {
    return this.#series.get(key, make, kept);
  }

  /** Adds a value to the series of `key`. */
  record(value: number, key: string, make: () => Attributes, kept?: Attributes): void {
    record(this.series(key, make, kept), value);
  }

  all(): Iterable<Series> {
    return this.#series.all();
  }
}

/** Adds a value to a series that is known. */
export function record(series: Series, value: number): void {
  series.delta.add(value);
  series.cumulative?.add(value);
}

/** The process' fast histograms, and what gives them to OpenTelemetry's readers. */
export class Histograms {
  readonly #histograms: FastHistogram[] = [];
  readonly #onOverflow: () => void;
  readonly #startTime = hrTime(Date.now());
  #cycleTime = this.#startTime;
  #isScraped = false;

  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow;
  }

  create(options: HistogramOptions): FastHistogram {
    const histogram = new FastHistogram(options, this.#isScraped, this.#onOverflow);
    this.#histograms.push(histogram);
    return histogram;
  }

  /** For a reader that is scraped: everything since the start. It has to be asked for first. */
  sinceStart(): MetricProducer {
    this.#isScraped = true;
    return {
      collect: async () =>
        collected(this.#scopes((histogram) => this.#cumulative(histogram, hrTime(Date.now())))),
    };
  }

  /** Ends the cycle: what has come since the last one, in exponential buckets. */
  takeCycle(nowMs: number): ScopeMetrics[] {
    const startTime = this.#cycleTime;
    const endTime = hrTime(nowMs);
    this.#cycleTime = endTime;
    return this.#scopes((histogram) => this.#delta(histogram, startTime, endTime));
  }

  #scopes(metric: (histogram: FastHistogram) => MetricData): ScopeMetrics[] {
    return this.#histograms.flatMap((histogram) => {
      const { scope } = histogram.options;
      const data = metric(histogram);
      return data.dataPoints.length > 0 ? [{ scope: { name: scope }, metrics: [data] }] : [];
    });
  }

  #delta(histogram: FastHistogram, startTime: HrTime, endTime: HrTime): MetricData {
    const dataPoints = [...histogram.all()].flatMap((series) => {
      if (series.delta.count === 0) return [];
      const value = series.delta.point();
      series.delta = new ExponentialSum();
      return [{ startTime, endTime, attributes: series.attributes, value }];
    });
    return {
      descriptor: descriptorOf(histogram),
      aggregationTemporality: AggregationTemporality.DELTA,
      dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
      dataPoints,
    };
  }

  #cumulative(histogram: FastHistogram, endTime: HrTime): MetricData {
    const startTime = this.#startTime;
    const dataPoints = [...histogram.all()].flatMap(({ attributes, cumulative }) =>
      cumulative ? [{ startTime, endTime, attributes, value: cumulative.point() }] : [],
    );
    return {
      descriptor: descriptorOf(histogram),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints,
    };
  }
}

function descriptorOf({ options }: FastHistogram) {
  const { name, unit, description } = options;
  return { name, unit, description, valueType: ValueType.DOUBLE };
}

function collected(scopeMetrics: ScopeMetrics[]) {
  return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
}

function hrTime(ms: number): HrTime {
  return [Math.trunc(ms / 1000), Math.trunc((ms % 1000) * 1e6)];
}
