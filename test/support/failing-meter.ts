import type { Meter } from '@opentelemetry/api';
import { getGuardFailures } from '../../src/core/guard.ts';

export type ObservableCallback = (result: object) => unknown;

export const fail = (): never => {
  throw new Error('the agent fails');
};

/** Creates a meter whose instruments fail. Its observable callbacks are added to `callbacks`. */
export function createFailingMeter(callbacks: ObservableCallback[]): Meter {
  const instrument = {
    addCallback: (callback: ObservableCallback) => void callbacks.push(callback),
    add: fail,
    record: fail,
  };
  return {
    createObservableGauge: () => instrument,
    createObservableCounter: () => instrument,
    createHistogram: () => instrument,
    createCounter: () => instrument,
    addBatchObservableCallback: instrument.addCallback,
  } as unknown as Meter;
}

/** Returns how often a part of the agent has failed in this process. */
export function countFailures(part: string): number {
  return getGuardFailures().get(part) ?? 0;
}
