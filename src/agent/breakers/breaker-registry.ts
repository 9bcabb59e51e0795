import { createNoopMeter, type ObservableResult } from '@opentelemetry/api';
import { guard, runGuarded } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { checkFunction } from '../argument-checks.ts';
import { ATTR_BREAKER_NAME, ATTR_BREAKER_OUTCOME, ATTR_BREAKER_STATE } from '../attribute-keys.ts';
import { copyFunctionProperties } from '../instrumentation/loading/method-patching.ts';
import { getMeterProvider } from '../opentelemetry-api/shared-api.ts';
import {
  BREAKER_STATES,
  Breaker,
  type BreakerState,
  type CallOutcome,
  type ProtectOptions,
  parseProtectOptions,
  toError,
} from './circuit-breaker.ts';

/** A breaker that an alert keeps open. */
export interface ForcedBreaker {
  readonly name: string;
  /** Time in ms until the breaker is released, unless the lease is renewed. */
  readonly leaseMs: number;
}

/** What fails, for {@link guard}. */
const PART = 'the breaker metrics';

/** Holds the circuit breakers of one process. */
export class BreakerRegistry {
  readonly #breakers = new Map<string, Breaker[]>();
  /** Names of the forced breakers, with the timers that release them. */
  readonly #leases = new Map<string, NodeJS.Timeout>();
  #metrics: BreakerMetrics | undefined;

  /**
   * Wraps `fn` in a breaker. The returned function passes `this` and the arguments to `fn`, has the
   * same name, length, and properties, and always returns a promise.
   *
   * @throws PS_BREAKER_INVALID if an option is invalid
   * @throws PS_ARGUMENT_INVALID if `fn` is not a function
   */
  protect<T, A extends unknown[], R, F = never>(
    fn: (this: T, ...args: A) => R | Promise<R>,
    options: ProtectOptions<T, A, F>,
  ): (this: T, ...args: A) => Promise<R | F> {
    checkFunction('protect', 'fn', fn);
    const { name, fallback, isFailure, ...limits } = parseProtectOptions(options);
    this.#metrics ??= createBreakerMetrics(() => this.getStates());
    const breakerMetrics = this.#metrics;
    const breaker = new Breaker(
      async function (this: unknown, ...args: unknown[]) {
        return fn.apply(this as T, args as A);
      },
      {
        name,
        isFailure,
        ...limits,
        onOutcome: (outcome) => breakerMetrics.recordOutcome(name, outcome),
        onStateChange: (state) => breakerMetrics.recordTransition(name, state),
      },
    );
    if (this.#leases.has(name)) breaker.force();
    this.#breakers.set(name, [...(this.#breakers.get(name) ?? []), breaker]);
    const protectedFn = async function (this: T, ...args: A): Promise<R | F> {
      try {
        return (await breaker.call(this, args)) as R;
      } catch (error) {
        if (!fallback || !isFailure(error)) throw error;
        breakerMetrics.recordOutcome(name, 'fallback');
        return fallback.call(this, toError(error), ...args);
      }
    };
    runGuarded('protect', () => copyFunctionProperties(fn, protectedFn));
    return protectedFn;
  }

  /** Yields each name with the worst state of its breakers. */
  *getStates(): Iterable<[string, BreakerState]> {
    for (const [name, breakers] of this.#breakers) {
      const worst = Math.max(...breakers.map(({ state }) => BREAKER_STATES.indexOf(state)));
      yield [name, BREAKER_STATES[worst] ?? 'closed'];
    }
  }

  get size(): number {
    return this.#breakers.size;
  }

  /**
   * Forces the listed breakers open until their leases end, and releases all others. A breaker that
   * is created later also opens if its name is forced.
   */
  setForced(forced: readonly ForcedBreaker[]): void {
    const leaseMsByName = new Map(forced.map(({ name, leaseMs }) => [name, leaseMs]));
    for (const name of [...this.#leases.keys()]) if (!leaseMsByName.has(name)) this.#release(name);
    for (const [name, leaseMs] of leaseMsByName) {
      clearTimeout(this.#leases.get(name));
      // If the server becomes unreachable, the breaker must not stay open forever.
      this.#leases.set(
        name,
        startTimeout('the breaker leases', () => this.#release(name), leaseMs),
      );
      for (const breaker of this.#breakers.get(name) ?? []) breaker.force();
    }
  }

  #release(name: string): void {
    clearTimeout(this.#leases.get(name));
    this.#leases.delete(name);
    for (const breaker of this.#breakers.get(name) ?? []) breaker.release();
  }
}

/** Records the outcomes and transitions of breakers. */
interface BreakerMetrics {
  recordOutcome(name: string, outcome: CallOutcome): void;
  recordTransition(name: string, state: BreakerState): void;
}

/** @param getStates returns the current state for each breaker name */
function createBreakerMetrics(getStates: () => Iterable<[string, BreakerState]>): BreakerMetrics {
  const meter = getMeterProvider()?.getMeter('perfscope.breaker') ?? createNoopMeter();
  const calls = meter.createCounter('perfscope.breaker.calls', {
    unit: '{call}',
    description: 'Calls of protected functions, by outcome.',
  });
  const transitions = meter.createCounter('perfscope.breaker.transitions', {
    unit: '{transition}',
    description: 'State changes of circuit breakers, by new state.',
  });
  meter
    .createObservableGauge('perfscope.breaker.state', {
      unit: '1',
      description: 'State of a circuit breaker: 0 closed, 1 half-open, 2 open.',
    })
    .addCallback(
      guard(PART, (result: ObservableResult) => {
        for (const [name, state] of getStates()) {
          result.observe(BREAKER_STATES.indexOf(state), { [ATTR_BREAKER_NAME]: name });
        }
      }),
    );
  return {
    recordOutcome: guard(PART, (name, outcome) =>
      calls.add(1, { [ATTR_BREAKER_NAME]: name, [ATTR_BREAKER_OUTCOME]: outcome }),
    ),
    recordTransition: guard(PART, (name, state) =>
      transitions.add(1, { [ATTR_BREAKER_NAME]: name, [ATTR_BREAKER_STATE]: state }),
    ),
  };
}
