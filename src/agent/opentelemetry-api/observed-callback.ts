import type { Attributes } from '@opentelemetry/api';
import { runGuarded, startTask } from '../../core/guard.ts';
import { MAX_SERIES } from '../instrumentation/histograms/cardinality-limit.ts';
import {
  isRecordable,
  normalizeAttributes,
} from '../instrumentation/histograms/normalize-attributes.ts';
import { callSafely } from './application-meters.ts';

const PART = "the application's metrics";
/** Older values are not exported, because the SDK of the application has probably stopped. */
const MAX_AGE_MS = 15 * 60_000;
/** Twice the default export interval of OpenTelemetry. */
const MAX_WAIT_MS = 2 * 60_000;

/** A callback's argument in both forms: for one instrument, or for a batch of instruments. */
export interface ObserverResult {
  // biome-ignore lint/suspicious/noExplicitAny: the arguments depend on the form.
  observe(...args: any[]): unknown;
}

type ObserverCallback = (this: unknown, result: ObserverResult) => unknown;

interface ObservedValue {
  readonly value: number;
  readonly attributes: Attributes;
}

type ValuesByInstrument = Map<object, Map<string, ObservedValue>>;

/**
 * Keeps the values that a callback reports when the application's SDK calls it. Perfscope exports
 * these values, because a second call could change the application's values. An example is a
 * callback that reports the requests since its last call.
 *
 * If the SDK never calls the callback, because it has no reader, Perfscope calls it.
 */
export class ObservedCallback {
  /** Replaces the application's callback. Has the same `this`, result, and errors. */
  readonly run: ObserverCallback;
  readonly #addedMs = performance.now();
  #isCalled = false;
  #observedMs = Number.NEGATIVE_INFINITY;
  #values: ValuesByInstrument = new Map();

  /** @param instrument the instrument of the callback, or undefined if the callback reports a batch */
  constructor(callback: ObserverCallback, instrument: object | undefined) {
    const observed = this;
    this.run = function (result) {
      observed.#isCalled = true;
      return observed.#run(this, callback, instrument, result);
    };
    this.#runUncalled = () => {
      const run = (result: ObserverResult) => this.#run(undefined, callback, instrument, result);
      startTask("the application's metrics", () => callSafely(run, { observe: () => {} }));
    };
  }

  readonly #runUncalled: () => void;

  /** Yields the last values of an instrument. */
  *getValues(instrument: object, nowMs = performance.now()): Iterable<ObservedValue> {
    if (!this.#isCalled && nowMs - this.#addedMs >= MAX_WAIT_MS) this.#runUncalled();
    if (nowMs - this.#observedMs < MAX_AGE_MS) yield* this.#values.get(instrument)?.values() ?? [];
  }

  #run(
    self: unknown,
    callback: ObserverCallback,
    instrument: object | undefined,
    result: ObserverResult,
  ): unknown {
    if (typeof result !== 'object' || result === null) return callback.call(self, result);
    const values: ValuesByInstrument = new Map();
    const returned = callback.call(self, observeResult(result, instrument, values));
    // If the callback throws, the SDK ignores its values. An asynchronous callback adds values later.
    this.#values = values;
    this.#observedMs = performance.now();
    return returned;
  }
}

/** Returns an object like `result` that adds all values to `values`. */
function observeResult(
  result: ObserverResult,
  instrument: object | undefined,
  values: ValuesByInstrument,
): ObserverResult {
  const observing = Object.create(result) as ObserverResult;
  const observe = (...args: unknown[]) => {
    const returned = result.observe(...args);
    runGuarded(PART, () => {
      if (instrument) addValue(values, instrument, args[0], args[1]);
      else addValue(values, args[0], args[1], args[2]);
    });
    return returned;
  };
  Object.defineProperty(observing, 'observe', { value: observe });
  return observing;
}

function addValue(
  values: ValuesByInstrument,
  instrument: unknown,
  value: unknown,
  attributes: unknown,
): void {
  if (typeof instrument !== 'object' || instrument === null || !isRecordable(value)) return;
  const series = values.get(instrument) ?? new Map<string, ObservedValue>();
  values.set(instrument, series);
  if (series.size >= MAX_SERIES) return;
  const normalized = normalizeAttributes(attributes);
  series.set(normalized.key, { value, attributes: normalized.toAttributes() });
}
