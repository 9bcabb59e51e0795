import type { Attributes, Context, Meter, MeterOptions, MeterProvider } from '@opentelemetry/api';
import { SeriesCache } from './series.ts';

type Measure = (value: number, attributes?: Attributes, context?: Context) => void;

const NONE: Attributes = {};

/**
 * Gives an application meters whose counters and histograms have a bounded number of series over the
 * life of the process. OpenTelemetry's own limit counts per cycle, so that cumulative readers would
 * grow for ever.
 */
export class CappedMeters implements MeterProvider {
  readonly #provider: MeterProvider;
  readonly #onOverflow: () => void;

  constructor(provider: MeterProvider, onOverflow: () => void) {
    this.#provider = provider;
    this.#onOverflow = onOverflow;
  }

  getMeter(name: string, version?: string, options?: MeterOptions): Meter {
    const meter = this.#provider.getMeter(name, version, options);
    const capped = Object.create(meter) as Meter;
    capped.createCounter = (...args) => this.#cap(meter.createCounter(...args), 'add');
    capped.createUpDownCounter = (...args) => this.#cap(meter.createUpDownCounter(...args), 'add');
    capped.createHistogram = (...args) => this.#cap(meter.createHistogram(...args), 'record');
    capped.createGauge = (...args) => this.#cap(meter.createGauge(...args), 'record');
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

  #cap<I extends object>(instrument: I, method: 'add' | 'record'): I {
    const series = new SeriesCache((attributes) => attributes, this.#onOverflow);
    const capped = instrument as unknown as Record<string, Measure>;
    const measure = capped[method]!.bind(instrument);
    capped[method] = (value, attributes = NONE, context) => {
      const cached = series.get(keyOf(attributes), () => ({ ...attributes }));
      measure(value, cached, context);
    };
    return instrument;
  }
}

/** Sets of attributes are the same in whatever order they are given. */
function keyOf(attributes: Attributes): string {
  const entries = Object.entries(attributes);
  if (entries.length > 1) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries);
}
