import type { Attributes } from '@opentelemetry/api';
import { OVERFLOW } from '../schema/attributes.ts';

/**
 * Most series of one instrument over the life of the process: below OpenTelemetry's own limit of
 * 2,000 a cycle, so that the SDK never drops tenants by itself.
 */
export const MOST_SERIES = 1900;

/**
 * The series of an instrument, each made once. What is beyond the limit shares one series for each
 * set of `kept` attributes, so that sums stay exact while memory stays flat.
 */
export class SeriesCache<S> {
  readonly #known = new Map<string, S>();
  readonly #overflow = new Map<string, S>();
  readonly #create: (attributes: Attributes) => S;
  readonly #onOverflow: () => void;

  constructor(create: (attributes: Attributes) => S, onOverflow: () => void) {
    this.#create = create;
    this.#onOverflow = onOverflow;
  }

  /**
   * @param key names the series
   * @param make its attributes, called once for each key
   * @param kept the few attributes that totals need even in the overflow, as `error.type`
   */
  get(key: string, make: () => Attributes, kept: Attributes = NONE): S {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size < MOST_SERIES) {
      const made = this.#create(make());
      this.#known.set(key, made);
      return made;
    }
    this.#onOverflow();
    const total = JSON.stringify(kept);
    let series = this.#overflow.get(total);
    if (series === undefined) {
      series = this.#create({ ...kept, [OVERFLOW]: true });
      this.#overflow.set(total, series);
    }
    return series;
  }

  *all(): Iterable<S> {
    yield* this.#known.values();
    yield* this.#overflow.values();
  }
}

const NONE: Attributes = {};
