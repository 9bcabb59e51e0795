import type { Attributes } from '@opentelemetry/api';
import { ATTR_METRIC_OVERFLOW } from '../../attribute-keys.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';

/**
 * Maximum number of series per instrument during the lifetime of the process. It is lower than the
 * OpenTelemetry SDK's own limit of 2,000 per export, so the SDK never drops a tenant.
 */
export const MAX_SERIES = 1900;

export const EMPTY_ATTRIBUTES: Attributes = {};

/**
 * Creates each series of an instrument once. Series over the limit are combined into one series for
 * each set of overflow attributes. Sums stay exact, and memory is bounded.
 */
export class SeriesCache<S> {
  readonly #series = new Map<string, S>();
  readonly #overflow = new Map<string, S>();
  readonly #create: (attributes: Attributes) => S;
  readonly #onOverflow: () => void;

  constructor(create: (attributes: Attributes) => S, onOverflow: () => void) {
    this.#create = create;
    this.#onOverflow = onOverflow;
  }

  /**
   * Returns the series of `key`, and creates it on the first call.
   *
   * @param createAttributes returns the attributes of the series
   * @param overflowAttributes attributes that a combined series keeps, such as `error.type`
   */
  get(
    key: string,
    createAttributes: () => Attributes,
    overflowAttributes: Attributes = EMPTY_ATTRIBUTES,
  ): S {
    const existing = this.#series.get(key);
    if (existing !== undefined) return existing;
    const isReduced = overhead.level >= OverheadLevel.NO_NEW_SERIES;
    if (this.#series.size < MAX_SERIES && !isReduced) {
      const created = this.#create(createAttributes());
      this.#series.set(key, created);
      return created;
    }
    if (!isReduced) this.#onOverflow();
    const overflowKey = JSON.stringify(overflowAttributes);
    let series = this.#overflow.get(overflowKey);
    if (series === undefined) {
      series = this.#create({ ...overflowAttributes, [ATTR_METRIC_OVERFLOW]: true });
      this.#overflow.set(overflowKey, series);
    }
    return series;
  }

  /** Number of series. */
  get size(): number {
    return this.#series.size + this.#overflow.size;
  }

  *values(): Iterable<S> {
    yield* this.#series.values();
    yield* this.#overflow.values();
  }
}
