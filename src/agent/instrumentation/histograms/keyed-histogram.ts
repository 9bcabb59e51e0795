import type { Attributes } from '@opentelemetry/api';
import {
  ExplicitHistogramAccumulator,
  ExponentialHistogramAccumulator,
} from '../../../core/histogram/histogram-accumulators.ts';
import { SeriesCache } from './cardinality-limit.ts';
import { isRecordable } from './normalize-attributes.ts';

export interface HistogramOptions {
  scope: string;
  name: string;
  unit: string;
  description: string;
  /** Bucket boundaries for Prometheus. */
  boundaries: readonly number[];
  /** Whether Prometheus doesn't scrape the values, because they are only evidence for suggestions. Default: false. */
  isUnscraped?: boolean;
}

/** Values of one set of attributes since the last export. */
export interface DeltaSeries {
  readonly attributes: Attributes;
  delta: ExponentialHistogramAccumulator;
}

/** Values of one set of attributes for OpenTelemetry readers. */
export interface ReaderSeries {
  readonly attributes: Attributes;
  /** Values since the start. Undefined if no reader scrapes the values. */
  readonly cumulative: ExplicitHistogramAccumulator | undefined;
  /** Values for the OTLP export, since the start or the last export. Undefined without an export. */
  exported: ExportedValues | undefined;
}

export type ExportedValues = ExplicitHistogramAccumulator | ExponentialHistogramAccumulator;

/** A histogram for one set of attributes. */
export interface HistogramSeries extends DeltaSeries, ReaderSeries {}

/** The readers whose values a histogram keeps, in addition to the values for rows. */
export interface HistogramReaders {
  /** Whether Prometheus scrapes the values since the start. */
  readonly isScraped: boolean;
  /** Buckets of the OTLP export. Undefined without an export. */
  readonly exportAggregation: 'explicit' | 'exponential' | undefined;
}

/** How the values are exported over OTLP. */
export interface HistogramExportOptions {
  /** Whether a point contains the values since the start, or those since the last export. */
  readonly temporality: 'cumulative' | 'delta';
  readonly aggregation: 'explicit' | 'exponential';
}

/** Creates the values for {@link ReaderSeries}. */
export function createReaderSeries(
  attributes: Attributes,
  { boundaries, isUnscraped = false }: HistogramOptions,
  readers: HistogramReaders,
): ReaderSeries {
  const isScraped = readers.isScraped && !isUnscraped;
  return {
    attributes,
    cumulative: isScraped ? new ExplicitHistogramAccumulator(boundaries) : undefined,
    exported: createExportedValues(boundaries, readers.exportAggregation),
  };
}

/** Creates empty values for {@link ReaderSeries}. */
export function createExportedValues(
  boundaries: readonly number[],
  aggregation: HistogramReaders['exportAggregation'],
): ExportedValues | undefined {
  if (aggregation === undefined) return undefined;
  return aggregation === 'explicit'
    ? new ExplicitHistogramAccumulator(boundaries)
    : new ExponentialHistogramAccumulator();
}

/** Adds a value for the readers. */
export function addForReaders(series: ReaderSeries, value: number): void {
  series.cumulative?.add(value);
  series.exported?.add(value);
}

/** A histogram whose values the registry passes to readers. */
export interface RegisteredHistogram {
  readonly options: HistogramOptions;
  readonly seriesCount: number;
  /** Creates the values of a new interval. */
  createDelta(): ExponentialHistogramAccumulator;
  getDeltaSeries(): Iterable<DeltaSeries>;
  getReaderSeries(): Iterable<ReaderSeries>;
  /** Counters that belong to the histogram, for readers. */
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

  constructor(options: HistogramOptions, readers: HistogramReaders, onOverflow: () => void) {
    this.options = options;
    this.#series = new SeriesCache(
      (attributes) => ({
        delta: this.createDelta(),
        ...createReaderSeries(attributes, options, readers),
      }),
      onOverflow,
    );
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

  get seriesCount(): number {
    return this.#series.size;
  }

  createDelta(): ExponentialHistogramAccumulator {
    return new ExponentialHistogramAccumulator();
  }

  getDeltaSeries(): Iterable<HistogramSeries> {
    return this.#series.values();
  }

  getReaderSeries(): Iterable<HistogramSeries> {
    return this.#series.values();
  }

  getCounters(): readonly CumulativeCounter[] {
    return [];
  }
}

/** Adds a value to a series. Ignores a value that would make the sum infinite or invalid. */
export function recordValue(series: HistogramSeries, value: number): void {
  if (!isRecordable(value)) return;
  series.delta.add(value);
  addForReaders(series, value);
}
