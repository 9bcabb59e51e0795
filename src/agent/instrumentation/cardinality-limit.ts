import type { Attributes, Context, Meter, MeterOptions, MeterProvider } from '@opentelemetry/api';
import { ATTR_METRIC_OVERFLOW } from '../attribute-keys.ts';

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
    if (this.#series.size < MAX_SERIES) {
      const created = this.#create(createAttributes());
      this.#series.set(key, created);
      return created;
    }
    this.#onOverflow();
    const overflowKey = JSON.stringify(overflowAttributes);
    let series = this.#overflow.get(overflowKey);
    if (series === undefined) {
      series = this.#create({ ...overflowAttributes, [ATTR_METRIC_OVERFLOW]: true });
      this.#overflow.set(overflowKey, series);
    }
    return series;
  }

  *values(): Iterable<S> {
    yield* this.#series.values();
    yield* this.#overflow.values();
  }
}

type RecordFunction = (value: number, attributes?: Attributes, context?: Context) => void;

/**
 * Provides meters whose counters and histograms have a bounded number of series during the lifetime
 * of the process. The OpenTelemetry SDK limits series only per export, so cumulative readers would
 * grow without limit.
 */
export class CardinalityLimitedMeterProvider implements MeterProvider {
  readonly #provider: MeterProvider;
  readonly #onOverflow: () => void;

  constructor(provider: MeterProvider, onOverflow: () => void) {
    this.#provider = provider;
    this.#onOverflow = onOverflow;
  }

  getMeter(name: string, version?: string, options?: MeterOptions): Meter {
    const meter = this.#provider.getMeter(name, version, options);
    const limited = Object.create(meter) as Meter;
    limited.createCounter = (...args) => this.#limitSeries(meter.createCounter(...args), 'add');
    limited.createUpDownCounter = (...args) =>
      this.#limitSeries(meter.createUpDownCounter(...args), 'add');
    limited.createHistogram = (...args) =>
      this.#limitSeries(meter.createHistogram(...args), 'record');
    limited.createGauge = (...args) => this.#limitSeries(meter.createGauge(...args), 'record');
    for (const kind of [
      'createObservableCounter',
      'createObservableUpDownCounter',
      'createObservableGauge',
      'addBatchObservableCallback',
      'removeBatchObservableCallback',
    ] as const) {
      Object.defineProperty(limited, kind, { value: meter[kind].bind(meter) });
    }
    return limited;
  }

  #limitSeries<I extends object>(instrument: I, method: 'add' | 'record'): I {
    const series = new SeriesCache((attributes) => attributes, this.#onOverflow);
    const methods = instrument as unknown as Record<string, RecordFunction>;
    const record = methods[method]!.bind(instrument);
    methods[method] = (value, attributes = EMPTY_ATTRIBUTES, context) => {
      const cachedAttributes = series.get(toSeriesKey(attributes), () => ({ ...attributes }));
      record(value, cachedAttributes, context);
    };
    return instrument;
  }
}

/** Returns the same key for attributes in any order. */
function toSeriesKey(attributes: Attributes): string {
  const entries = Object.entries(attributes);
  if (entries.length > 1) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries);
}
