import type { Attributes, Context, Meter, MeterOptions, MeterProvider } from '@opentelemetry/api';
import { ATTR_METRIC_OVERFLOW } from '../attribute-keys.ts';

/**
 * Most series of one instrument over the life of the process: below OpenTelemetry's own limit of
 * 2,000 a cycle, so that the SDK never drops tenants by itself.
 */
export const MAX_SERIES = 1900;

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
  get(key: string, make: () => Attributes, kept: Attributes = EMPTY_ATTRIBUTES): S {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size < MAX_SERIES) {
      const made = this.#create(make());
      this.#known.set(key, made);
      return made;
    }
    this.#onOverflow();
    const total = JSON.stringify(kept);
    let series = this.#overflow.get(total);
    if (series === undefined) {
      series = this.#create({ ...kept, [ATTR_METRIC_OVERFLOW]: true });
      this.#overflow.set(total, series);
    }
    return series;
  }

  *values(): Iterable<S> {
    yield* this.#known.values();
    yield* this.#overflow.values();
  }
}

const EMPTY_ATTRIBUTES: Attributes = {};

type RecordFunction = (value: number, attributes?: Attributes, context?: Context) => void;

const NO_ATTRIBUTES: Attributes = {};

/**
 * Gives an application meters whose counters and histograms have a bounded number of series over the
 * life of the process. OpenTelemetry's own limit counts per cycle, so that cumulative readers would
 * grow for ever.
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
    const capped = Object.create(meter) as Meter;
    capped.createCounter = (...args) => this.#limitSeries(meter.createCounter(...args), 'add');
    capped.createUpDownCounter = (...args) =>
      this.#limitSeries(meter.createUpDownCounter(...args), 'add');
    capped.createHistogram = (...args) =>
      this.#limitSeries(meter.createHistogram(...args), 'record');
    capped.createGauge = (...args) => this.#limitSeries(meter.createGauge(...args), 'record');
    for (const kind of [
      'createObservableCounter',
      'createObservableUpDownCounter',
      'createObservableGauge',
      'addBatchObservableCallback',
      'removeBatchObservableCallback',
    ] as const) {
      Object.defineProperty(capped, kind, { value: meter[kind].bind(meter) });
    }
    return capped;
  }

  #limitSeries<I extends object>(instrument: I, method: 'add' | 'record'): I {
    const series = new SeriesCache((attributes) => attributes, this.#onOverflow);
    const capped = instrument as unknown as Record<string, RecordFunction>;
    const measure = capped[method]!.bind(instrument);
    capped[method] = (value, attributes = NO_ATTRIBUTES, context) => {
      const cached = series.get(toSeriesKey(attributes), () => ({ ...attributes }));
      measure(value, cached, context);
    };
    return instrument;
  }
}

/** Sets of attributes are the same in whatever order they are given. */
function toSeriesKey(attributes: Attributes): string {
  const entries = Object.entries(attributes);
  if (entries.length > 1) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries);
}
