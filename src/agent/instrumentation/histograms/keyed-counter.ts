import type { Attributes } from '@opentelemetry/api';
import { SeriesCache } from './cardinality-limit.ts';
import type { CumulativeCounter, HistogramOptions } from './keyed-histogram.ts';

/** Count for one set of attributes. */
export interface CounterSeries {
  readonly attributes: Attributes;
  /** Value since the start. */
  value: number;
  /** Value at the end of the last interval. */
  storedValue: number;
}

export type CounterOptions = Omit<HistogramOptions, 'boundaries'>;

/** A counter whose callers identify a series by a key, as for `KeyedHistogram`. */
export class KeyedCounter implements CumulativeCounter {
  readonly options: CounterOptions;
  readonly #series: SeriesCache<CounterSeries>;

  constructor(options: CounterOptions, onOverflow: () => void) {
    this.options = options;
    this.#series = new SeriesCache(
      (attributes) => ({ attributes, value: 0, storedValue: 0 }),
      onOverflow,
    );
  }

  /** Returns the series of `key`. Callers add to its `value`. See {@link SeriesCache.get} for the parameters. */
  getSeries(key: string, createAttributes: () => Attributes): CounterSeries {
    return this.#series.get(key, createAttributes);
  }

  get name(): string {
    return this.options.name;
  }

  get unit(): string {
    return this.options.unit;
  }

  get description(): string {
    return this.options.description;
  }

  get series(): readonly CounterSeries[] {
    return [...this.#series.values()];
  }

  get seriesCount(): number {
    return this.#series.size;
  }

  /** Returns the increases since the last call, without the series that didn't change. */
  takeIncreases(): CumulativeCounter {
    const series = this.series.flatMap((each) => {
      const { attributes, value, storedValue } = each;
      each.storedValue = value;
      return value > storedValue ? [{ attributes, value: value - storedValue }] : [];
    });
    return { name: this.name, unit: this.unit, description: this.description, series };
  }
}
