import type { Attributes } from '@opentelemetry/api';
import { OVERFLOW } from '../schema/attributes.ts';

/**
 * Most series of one instrument over the life of the process: below OpenTelemetry's own limit of
 * 2,000 a cycle, so that the SDK never drops tenants by itself.
 */
export const MOST_SERIES = 1900;

/**
 * The attributes of an instrument's series, each made once. What is beyond the limit shares one
 * series for each `total`, so that sums stay exact while memory stays flat.
 */
export class SeriesCache {
  readonly #known = new Map<string, Attributes>();
  readonly #overflow = new Map<string, Attributes>();
  readonly #onOverflow: () => void;
  readonly #most: number;

  constructor(onOverflow: () => void, most = MOST_SERIES) {
    this.#onOverflow = onOverflow;
    this.#most = most;
  }

  /**
   * @param key names the series
   * @param make its attributes, called once for each key
   * @param kept the few attributes that totals need even in the overflow, as `error.type`
   */
  get(key: string, make: () => Attributes, kept: Attributes = {}): Attributes {
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#known.size < this.#most) {
      const made = make();
      this.#known.set(key, made);
      return made;
    }
    this.#onOverflow();
    const total = JSON.stringify(kept);
    let attributes = this.#overflow.get(total);
    if (!attributes) {
      attributes = { ...kept, [OVERFLOW]: true };
      this.#overflow.set(total, attributes);
    }
    return attributes;
  }
}
