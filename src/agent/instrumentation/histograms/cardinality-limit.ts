import type { Attributes } from '@opentelemetry/api';
import { copyJson, copyText } from '../../../core/copy-text.ts';
import { ATTR_METRIC_OVERFLOW } from '../../attribute-keys.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';

/**
 * Maximum number of series per instrument during the lifetime of the process. It is lower than the
 * OpenTelemetry SDK's own limit of 2,000 per export, so the SDK never drops a tenant.
 */
export const MAX_SERIES = 1900;

/** Maximum number of combined series per instrument. The errors of the others have the type `_OTHER`. */
const MAX_COMBINED_SERIES = 50;

/** Value of `error.type` for errors whose type is not kept. */
const OTHER_ERROR = '_OTHER';

export const EMPTY_ATTRIBUTES: Attributes = {};

/**
 * Creates each series of an instrument once. Series over the limit are combined into one series for
 * each set of overflow attributes. Sums stay exact, and memory is bounded. Keys and attributes are copied, because they
 * can be parts of long texts.
 */
export class SeriesCache<S> {
  readonly #series = new Map<string, S>();
  readonly #combined = new Map<string, S>();
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
      const created = this.#create(copyJson(createAttributes()));
      this.#series.set(copyText(key), created);
      return created;
    }
    if (!isReduced) this.#onOverflow();
    return this.#getCombined(overflowAttributes);
  }

  #getCombined(attributes: Attributes): S {
    const key = JSON.stringify(attributes);
    const existing = this.#combined.get(key);
    if (existing !== undefined) return existing;
    const { 'error.type': errorType } = attributes;
    const isNewType = errorType !== undefined && errorType !== OTHER_ERROR;
    if (isNewType && this.#combined.size >= MAX_COMBINED_SERIES)
      return this.#getCombined({ ...attributes, 'error.type': OTHER_ERROR });
    const created = this.#create({ ...copyJson(attributes), [ATTR_METRIC_OVERFLOW]: true });
    this.#combined.set(key, created);
    return created;
  }

  /** Number of series. */
  get size(): number {
    return this.#series.size + this.#combined.size;
  }

  *values(): Iterable<S> {
    yield* this.#series.values();
    yield* this.#combined.values();
  }
}
