import {
  type BatchObservableCallback,
  type BatchObservableResult,
  type Counter,
  createNoopMeter,
  type Gauge,
  type Histogram,
  type Meter,
  type MeterOptions,
  type MeterProvider,
  type MetricOptions,
  type Observable,
  type ObservableCallback,
  type ObservableResult,
  type UpDownCounter,
  ValueType,
} from '@opentelemetry/api';
import { guard, runGuarded } from '../../core/guard.ts';
import { MAX_SERIES, SeriesCache } from '../instrumentation/histograms/cardinality-limit.ts';
import {
  isRecordable,
  normalizeAttributes,
} from '../instrumentation/histograms/normalize-attributes.ts';
import { findAgentInstrument } from './agent-instruments.ts';

const PART = "the application's metrics";
/** Maximum length of a metric name in OpenTelemetry. */
const MAX_METRIC_NAME_LENGTH = 255;
/** Maximum numbers of meters and instruments during the lifetime of the process. */
const MAX_METERS = MAX_SERIES;
const MAX_INSTRUMENTS = MAX_SERIES;
/** Scope of the meters over the limit. */
const OTHER_SCOPE = ['other', '', ''] as const;
/** Names of the instruments that receive the values of all instruments over the limit. */
const OTHER_INSTRUMENTS = new Map<string, string>([
  ['createCounter', 'other.counter'],
  ['createUpDownCounter', 'other.updowncounter'],
  ['createHistogram', 'other.histogram'],
]);

type SyncKind = 'createCounter' | 'createUpDownCounter' | 'createHistogram' | 'createGauge';
type ObservableKind =
  | 'createObservableCounter'
  | 'createObservableUpDownCounter'
  | 'createObservableGauge';
type Observe = (value: unknown, attributes: unknown) => void;

/** An observable instrument of the SDK, and a function that checks a value before it is observed. */
interface ObservableTarget {
  readonly instrument: Observable;
  readonly observeWith: (observe: (value: number, attributes: object) => void) => Observe;
}

/**
 * Provides meters for values of the application, which can be of any type. Methods never throw.
 * Invalid values are dropped, and invalid attributes are converted or dropped.
 *
 * Counters, histograms, and gauges have a bounded number of series during the lifetime of the
 * process. The OpenTelemetry SDK limits series only per export, so cumulative readers would grow
 * without limit. Meters and instruments are limited too. The values of counters and histograms over
 * the limit are combined. Gauges and observable instruments over the limit record nothing.
 * Instruments of operations that the agent already measures record nothing.
 */
export class ApplicationMeterProvider implements MeterProvider {
  readonly #provider: MeterProvider;
  readonly #onOverflow: () => void;
  readonly #meters = new Map<string, ApplicationMeter>();
  #instruments = 0;
  /** @returns whether another instrument can be created */
  readonly #addInstrument = (): boolean => {
    if (this.#instruments >= MAX_INSTRUMENTS) {
      this.#onOverflow();
      return false;
    }
    this.#instruments++;
    return true;
  };

  constructor(provider: MeterProvider, onOverflow: () => void) {
    this.#provider = provider;
    this.#onOverflow = onOverflow;
  }

  getMeter(name: string, version?: string, options?: MeterOptions): Meter {
    const create = () => {
      const scope = [toText(name), toText(version), toText(options?.schemaUrl)] as const;
      const existing = this.#meters.get(JSON.stringify(scope));
      if (existing) return existing;
      if (this.#meters.size < MAX_METERS) return this.#createMeter(scope);
      this.#onOverflow();
      return this.#meters.get(JSON.stringify(OTHER_SCOPE)) ?? this.#createMeter(OTHER_SCOPE);
    };
    return runGuarded(PART, create) ?? createNoopMeter();
  }

  #createMeter(scope: readonly [string, string, string]): ApplicationMeter {
    const [name, version, schemaUrl] = scope;
    const sdkMeter = this.#provider.getMeter(name, version, { schemaUrl });
    const meter = new ApplicationMeter(sdkMeter, this.#onOverflow, this.#addInstrument);
    this.#meters.set(JSON.stringify(scope), meter);
    return meter;
  }
}

class ApplicationMeter implements Meter {
  readonly #meter: Meter;
  readonly #onOverflow: () => void;
  readonly #addInstrument: () => boolean;
  /** Instruments by kind, name, and options. */
  readonly #instruments = new Map<string, object>();
  readonly #targets = new WeakMap<object, ObservableTarget>();
  readonly #batchCallbacks = new WeakMap<BatchObservableCallback, BatchObservableCallback>();

  constructor(meter: Meter, onOverflow: () => void, addInstrument: () => boolean) {
    this.#meter = meter;
    this.#onOverflow = onOverflow;
    this.#addInstrument = addInstrument;
  }

  createCounter(name: string, options?: MetricOptions): Counter {
    return this.#create('createCounter', name, options, this.#createSync);
  }

  createUpDownCounter(name: string, options?: MetricOptions): UpDownCounter {
    return this.#create('createUpDownCounter', name, options, this.#createSync);
  }

  createHistogram(name: string, options?: MetricOptions): Histogram {
    return this.#create('createHistogram', name, options, this.#createSync);
  }

  createGauge(name: string, options?: MetricOptions): Gauge {
    return this.#create('createGauge', name, options, this.#createSync);
  }

  createObservableCounter(name: string, options?: MetricOptions): Observable {
    return this.#create('createObservableCounter', name, options, this.#createObservable);
  }

  createObservableUpDownCounter(name: string, options?: MetricOptions): Observable {
    return this.#create('createObservableUpDownCounter', name, options, this.#createObservable);
  }

  createObservableGauge(name: string, options?: MetricOptions): Observable {
    return this.#create('createObservableGauge', name, options, this.#createObservable);
  }

  addBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    runGuarded(PART, () => {
      const observe = this.#getBatchCallback(callback);
      if (observe)
        this.#meter.addBatchObservableCallback(observe, this.#toInstruments(observables));
    });
  }

  removeBatchObservableCallback(
    callback: BatchObservableCallback,
    observables: Observable[],
  ): void {
    runGuarded(PART, () => {
      const observe = this.#getBatchCallback(callback);
      if (observe) {
        this.#meter.removeBatchObservableCallback(observe, this.#toInstruments(observables));
      }
    });
  }

  /** Returns the same instrument for the same name and options, so that its series are limited. */
  #create<K extends SyncKind | ObservableKind, I extends object>(
    kind: K,
    name: string,
    options: MetricOptions | undefined,
    create: (this: ApplicationMeter, kind: K, name: string, options: MetricOptions) => I,
  ): I {
    const getOrCreate = (validName: string, validOptions: MetricOptions, isLimited: boolean) => {
      const key = JSON.stringify([kind, validName, validOptions]);
      const existing = this.#instruments.get(key);
      if (existing) return existing as I;
      if (isLimited && !this.#addInstrument()) return undefined;
      const instrument = create.call(this, kind, validName, validOptions);
      this.#instruments.set(key, instrument);
      return instrument;
    };
    const createGuarded = () => {
      const validName = toText(name).slice(0, MAX_METRIC_NAME_LENGTH) || 'unnamed';
      const instrument = getOrCreate(validName, toValidOptions(options), true);
      const otherName = OTHER_INSTRUMENTS.get(kind);
      if (instrument || otherName === undefined) return instrument;
      return getOrCreate(otherName, toValidOptions(undefined), false);
    };
    return runGuarded(PART, createGuarded) ?? (createNoopMeter()[kind]('') as unknown as I);
  }

  #createSync(kind: SyncKind, name: string, options: MetricOptions) {
    const instrument = this.#meter[kind](name, options);
    const series = new SeriesCache((attributes) => attributes, this.#onOverflow);
    const isMeasured = findAgentInstrument(name);
    const isInteger = options.valueType === ValueType.INT;
    const record = guard(PART, (value: unknown, attributes?: unknown) => {
      if (!isRecordable(value)) return;
      const normalized = normalizeAttributes(attributes);
      if (isMeasured?.(normalized.toAttributes())) return;
      const cached = series.get(normalized.key, () => normalized.toAttributes());
      const number = isInteger ? Math.trunc(value) : value;
      if ('add' in instrument) instrument.add(number, cached);
      else instrument.record(number, cached);
    });
    return { add: record, record } as Counter & UpDownCounter & Histogram & Gauge;
  }

  #createObservable(kind: ObservableKind, name: string, options: MetricOptions): Observable {
    const instrument = this.#meter[kind](name, options);
    const isMeasured = findAgentInstrument(name);
    const isInteger = options.valueType === ValueType.INT;
    const observeWith = (observe: (value: number, attributes: object) => void) =>
      guard(PART, (value: unknown, attributes: unknown) => {
        if (!isRecordable(value)) return;
        const normalized = normalizeAttributes(attributes).toAttributes();
        if (isMeasured?.(normalized)) return;
        observe(isInteger ? Math.trunc(value) : value, normalized);
      });
    const callbacks = new Map<ObservableCallback, ObservableCallback>();
    const observable: Observable = {
      addCallback: guard(PART, (callback: ObservableCallback) => {
        if (typeof callback !== 'function' || callbacks.has(callback)) return;
        const observe: ObservableCallback = (result) =>
          callSafely(callback, {
            observe: observeWith((value, attributes) => result.observe(value, { ...attributes })),
          } as ObservableResult);
        callbacks.set(callback, observe);
        instrument.addCallback(observe);
      }),
      removeCallback: guard(PART, (callback: ObservableCallback) => {
        const observe = callbacks.get(callback);
        if (observe) instrument.removeCallback(observe);
        callbacks.delete(callback);
      }),
    };
    this.#targets.set(observable, { instrument, observeWith });
    return observable;
  }

  #getBatchCallback(callback: BatchObservableCallback): BatchObservableCallback | undefined {
    if (typeof callback !== 'function') return undefined;
    const existing = this.#batchCallbacks.get(callback);
    if (existing) return existing;
    const observeBatch: BatchObservableCallback = (result) =>
      callSafely(callback, {
        observe: guard(PART, (observable: Observable, value: unknown, attributes: unknown) => {
          const target = this.#targets.get(observable);
          target?.observeWith((number, normalized) =>
            result.observe(target.instrument, number, { ...normalized }),
          )(value, attributes);
        }),
      } as BatchObservableResult);
    this.#batchCallbacks.set(callback, observeBatch);
    return observeBatch;
  }

  #toInstruments(observables: readonly Observable[]): Observable[] {
    return observables.flatMap((each) => this.#targets.get(each)?.instrument ?? []);
  }
}

/**
 * Calls a callback of the application, and ignores its failure. A failure must not stop the other
 * callbacks, and it isn't a failure of the agent.
 */
export function callSafely<R>(
  callback: (result: R) => unknown,
  result: R,
): Promise<void> | undefined {
  try {
    const returned = callback(result) as PromiseLike<unknown> | undefined;
    if (typeof returned?.then !== 'function') return undefined;
    return Promise.resolve(returned).then(
      () => {},
      () => {},
    );
  } catch {
    return undefined;
  }
}

/** Symbols and objects without a primitive form become an empty text. */
function toText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function toValidOptions(options: MetricOptions | undefined): MetricOptions {
  const { description, unit, valueType, advice } = options ?? {};
  const boundaries: unknown = advice?.explicitBucketBoundaries;
  const isValid = Array.isArray(boundaries) && boundaries.every((bound) => Number.isFinite(bound));
  return {
    description: toText(description),
    unit: toText(unit),
    valueType: valueType === ValueType.INT ? ValueType.INT : ValueType.DOUBLE,
    ...(isValid && {
      advice: {
        explicitBucketBoundaries: [...new Set(boundaries as number[])].sort((a, b) => a - b),
      },
    }),
  };
}
