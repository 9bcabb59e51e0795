import { metrics } from '@opentelemetry/api';
import { ATTR_BREAKER_NAME, ATTR_BREAKER_OUTCOME, ATTR_BREAKER_STATE } from '../attribute-keys.ts';
import {
  BREAKER_STATES,
  Breaker,
  type BreakerState,
  type CallOutcome,
  type ProtectOptions,
  parseBreakerLimits,
} from './circuit-breaker.ts';

/** A breaker that is to be open, and for how long that is known to be right. */
export interface ForcedBreaker {
  readonly name: string;
  /** In ms from now; without word until then it works by its own figures again. */
  readonly leaseMs: number;
}

/** The breakers of one process. */
export class BreakerRegistry {
  readonly #breakers = new Map<string, Breaker[]>();
  /** Names that are forced open, with what ends that when nobody renews it. */
  readonly #leases = new Map<string, NodeJS.Timeout>();
  #metrics: BreakerMetrics | undefined;

  /**
   * Wraps `fn`, whose `this`, arguments and result stay as they are; the result comes as a promise.
   *
   * @throws PS_BREAKER_INVALID
   */
  protect<T, A extends unknown[], R, F = never>(
    fn: (this: T, ...args: A) => R | Promise<R>,
    options: ProtectOptions<T, A, F>,
  ): (this: T, ...args: A) => Promise<R | F> {
    const { name, fallback, isFailure = () => true } = options;
    const limits = parseBreakerLimits(options);
    this.#metrics ??= createBreakerMetrics(() => this.getStates());
    const meter = this.#metrics;
    const breaker = new Breaker(
      async function (this: unknown, ...args: unknown[]) {
        return fn.apply(this as T, args as A);
      },
      {
        name,
        isFailure,
        ...limits,
        onOutcome: (outcome) => meter.recordOutcome(name, outcome),
        onStateChange: (state) => meter.recordTransition(name, state),
      },
    );
    if (this.#leases.has(name)) breaker.force();
    this.#breakers.set(name, [...(this.#breakers.get(name) ?? []), breaker]);
    return async function (this: T, ...args: A): Promise<R | F> {
      try {
        return (await breaker.call(this, args)) as R;
      } catch (error) {
        if (!fallback || !isFailure(error)) throw error;
        meter.recordOutcome(name, 'fallback');
        return fallback.call(
          this,
          error instanceof Error ? error : new Error(String(error)),
          ...args,
        );
      }
    };
  }

  /** The worst state of each name. */
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
   * Opens those that are named, for their lease, and half-opens those that were and are not any more.
   * Breakers that nobody has made yet are opened once they are.
   */
  setForced(forced: readonly ForcedBreaker[]): void {
    const wanted = new Map(forced.map(({ name, leaseMs }) => [name, leaseMs]));
    for (const name of [...this.#leases.keys()]) if (!wanted.has(name)) this.#release(name);
    for (const [name, leaseMs] of wanted) {
      clearTimeout(this.#leases.get(name));
      // Whatever became of who asked for it: a breaker never outlives its cause.
      this.#leases.set(name, setTimeout(() => this.#release(name), leaseMs).unref());
      for (const breaker of this.#breakers.get(name) ?? []) breaker.force();
    }
  }

  #release(name: string): void {
    clearTimeout(this.#leases.get(name));
    this.#leases.delete(name);
    for (const breaker of this.#breakers.get(name) ?? []) breaker.release();
  }
}

/** Hears what breakers do, and measures it. */
interface BreakerMetrics {
  recordOutcome(name: string, outcome: CallOutcome): void;
  recordTransition(name: string, state: BreakerState): void;
}

/**
 * Instruments of the process' meters. The gauge is 0 closed, 1 half-open, 2 open.
 *
 * @param states present state of each breaker, by name
 */
function createBreakerMetrics(states: () => Iterable<[string, BreakerState]>): BreakerMetrics {
  const meter = metrics.getMeter('perfscope.breaker');
  const calls = meter.createCounter('perfscope.breaker.calls', {
    unit: '{call}',
    description: 'Calls of protected functions by their outcome.',
  });
  const transitions = meter.createCounter('perfscope.breaker.transitions', {
    unit: '{transition}',
    description: 'Changes of breakers by their new state.',
  });
  meter
    .createObservableGauge('perfscope.breaker.state', {
      unit: '1',
      description: 'State of breakers: 0 closed, 1 half-open, 2 open.',
    })
    .addCallback((result) => {
      for (const [name, state] of states()) {
        result.observe(BREAKER_STATES.indexOf(state), { [ATTR_BREAKER_NAME]: name });
      }
    });
  return {
    recordOutcome: (name, outcome) =>
      calls.add(1, { [ATTR_BREAKER_NAME]: name, [ATTR_BREAKER_OUTCOME]: outcome }),
    recordTransition: (name, state) =>
      transitions.add(1, { [ATTR_BREAKER_NAME]: name, [ATTR_BREAKER_STATE]: state }),
  };
}
