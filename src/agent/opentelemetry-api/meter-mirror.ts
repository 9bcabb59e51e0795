import type {
  Attributes,
  Counter,
  Histogram,
  Meter,
  MeterProvider,
  MetricOptions,
  Observable,
} from '@opentelemetry/api';
import { runGuarded } from '../../core/guard.ts';
import { wrapMethod } from '../instrumentation/loading/method-patching.ts';
import { ObservedCallback, type ObserverResult } from './observed-callback.ts';

const PART = "the application's metrics";

const SYNC_METHODS = {
  createCounter: 'add',
  createUpDownCounter: 'add',
  createHistogram: 'record',
  createGauge: 'record',
} as const;
const OBSERVABLE_METHODS = [
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createObservableGauge',
] as const;

type Callback = (result: ObserverResult) => unknown;

/** An instrument of the application, and our instrument with the same name. */
interface MirroredInstrument<I> {
  readonly own: I;
  /** Whether the SDK returned the object for several names. Its values can't be assigned to one. */
  isShared: boolean;
}

interface MirroredObservable extends MirroredInstrument<Observable> {
  readonly callbacks: Map<Callback, ObservedCallback>;
}

export interface MeterMirrorOptions {
  /** Receives the values. */
  provider: MeterProvider;
  /** Whether the application currently uses a provider. */
  isRegistered: (provider: MeterProvider) => boolean;
}

/**
 * Copies the values that the application records with its own meter provider to another provider.
 * Replaces methods of the application's objects and never the objects themselves, so that the
 * application's SDK works as without the agent.
 */
export class MeterMirror {
  readonly #options: MeterMirrorOptions;
  readonly #providers = new WeakSet<object>();
  readonly #meters = new WeakSet<object>();
  readonly #instruments = new WeakMap<object, MirroredInstrument<Counter | Histogram>>();
  readonly #observables = new WeakMap<object, MirroredObservable>();

  constructor(options: MeterMirrorOptions) {
    this.#options = options;
  }

  /**
   * Mirrors the meters that `provider` returns from now on, while the provider is registered.
   *
   * @throws TypeError if the provider is frozen
   */
  mirror(provider: MeterProvider): void {
    if (this.#providers.has(provider)) return;
    this.#providers.add(provider);
    const mirror = this;
    wrapMethod(provider, 'getMeter', (original) => {
      return function (this: unknown, ...args: Parameters<MeterProvider['getMeter']>) {
        const meter = original.apply(this, args) as Meter;
        if (mirror.#options.isRegistered(provider)) {
          runGuarded(PART, () => mirror.#mirrorMeter(meter, args));
        }
        return meter;
      };
    });
  }

  #mirrorMeter(meter: Meter, args: Parameters<MeterProvider['getMeter']>): void {
    if (isNoop(meter) || this.#meters.has(meter)) return;
    this.#meters.add(meter);
    const own = this.#options.provider.getMeter(...args);
    for (const [kind, method] of Object.entries(SYNC_METHODS)) {
      this.#wrapCreate(meter, kind as keyof typeof SYNC_METHODS, own, (instrument, ownInstrument) =>
        this.#mirrorInstrument(instrument, ownInstrument as Counter | Histogram, method),
      );
    }
    for (const kind of OBSERVABLE_METHODS) {
      this.#wrapCreate(meter, kind, own, (instrument, ownInstrument) =>
        this.#mirrorObservable(instrument, ownInstrument as Observable),
      );
    }
    this.#mirrorBatchCallbacks(meter);
  }

  #wrapCreate(
    meter: Meter,
    kind: keyof typeof SYNC_METHODS | (typeof OBSERVABLE_METHODS)[number],
    own: Meter,
    mirror: (instrument: object, own: object) => void,
  ): void {
    // Old SDKs have no `createGauge`.
    if (typeof meter[kind] !== 'function') return;
    wrapMethod(meter, kind, (original) => {
      return function (this: unknown, ...args: [string, MetricOptions?]) {
        const instrument = original.apply(this, args) as object;
        runGuarded(PART, () => {
          if (!isNoop(instrument)) mirror(instrument, own[kind](...args));
        });
        return instrument;
      };
    });
  }

  #mirrorInstrument(instrument: object, own: Counter | Histogram, method: 'add' | 'record'): void {
    const existing = this.#instruments.get(instrument);
    if (existing) {
      existing.isShared ||= existing.own !== own;
      return;
    }
    const mirrored = { own, isShared: false };
    this.#instruments.set(instrument, mirrored);
    const record = (own as Counter & Histogram)[method];
    wrapMethod(instrument, method, (original) => {
      return function (this: unknown, ...args: unknown[]) {
        const returned: unknown = original.apply(this, args);
        if (!mirrored.isShared) record(args[0] as number, args[1] as Attributes);
        return returned;
      };
    });
  }

  #mirrorObservable(instrument: object, own: Observable): void {
    const existing = this.#observables.get(instrument);
    if (existing) {
      existing.isShared ||= existing.own !== own;
      return;
    }
    const callbacks = new Map<Callback, ObservedCallback>();
    const mirrored: MirroredObservable = { own, isShared: false, callbacks };
    this.#observables.set(instrument, mirrored);
    own.addCallback((result) => {
      if (mirrored.isShared) return;
      for (const callback of callbacks.values()) {
        for (const { value, attributes } of callback.getValues(instrument)) {
          result.observe(value, attributes);
        }
      }
    });
    wrapMethod(instrument, 'addCallback', (original) => {
      return function (this: unknown, callback: Callback, ...rest: unknown[]) {
        return original.call(this, observe(callback, callbacks, instrument), ...rest);
      };
    });
    wrapMethod(instrument, 'removeCallback', (original) => {
      return function (this: unknown, callback: Callback, ...rest: unknown[]) {
        const observed = callbacks.get(callback);
        callbacks.delete(callback);
        return original.call(this, observed?.run ?? callback, ...rest);
      };
    });
  }

  #mirrorBatchCallbacks(meter: Meter): void {
    const observedCallbacks = new WeakMap<Callback, ObservedCallback>();
    const mirror = this;
    wrapMethod(meter, 'addBatchObservableCallback', (original) => {
      return function (
        this: unknown,
        callback: Callback,
        observables: unknown,
        ...rest: unknown[]
      ) {
        const run = observe(callback, observedCallbacks, undefined);
        const observed = observedCallbacks.get(callback);
        if (observed) {
          for (const each of mirror.#findObservables(observables)) {
            each.callbacks.set(callback, observed);
          }
        }
        return original.call(this, run, observables, ...rest);
      };
    });
    wrapMethod(meter, 'removeBatchObservableCallback', (original) => {
      return function (
        this: unknown,
        callback: Callback,
        observables: unknown,
        ...rest: unknown[]
      ) {
        for (const each of mirror.#findObservables(observables)) each.callbacks.delete(callback);
        const run = observedCallbacks.get(callback)?.run ?? callback;
        return original.call(this, run, observables, ...rest);
      };
    });
  }

  #findObservables(observables: unknown): MirroredObservable[] {
    if (!Array.isArray(observables)) return [];
    return observables.flatMap((each: object) => this.#observables.get(each) ?? []);
  }
}

/** Returns the function to pass to the SDK instead of `callback`. */
function observe(
  callback: Callback,
  observedCallbacks: Pick<WeakMap<Callback, ObservedCallback>, 'get' | 'set'>,
  instrument: object | undefined,
): unknown {
  if (typeof callback !== 'function') return callback;
  const observed = observedCallbacks.get(callback) ?? new ObservedCallback(callback, instrument);
  observedCallbacks.set(callback, observed);
  return observed.run;
}

/**
 * Whether an SDK returned one of the API's objects that do nothing, for example after its shutdown. All
 * meters share these objects. In contrast to the objects of SDKs, they have no state.
 */
function isNoop(object: object): boolean {
  return Reflect.ownKeys(object).length === 0;
}
