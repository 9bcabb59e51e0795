import { BREAKER_STATES, Breaker, type BreakerState } from './breaker.ts';
import { type BreakerMeter, breakerMeter } from './measure.ts';
import { limitsOf, type ProtectOptions } from './options.ts';

/** A breaker that is to be open, and for how long that is known to be right. */
export interface ForcedBreaker {
  readonly name: string;
  /** In ms from now; without word until then it works by its own figures again. */
  readonly leaseMs: number;
}

/** The breakers of one process. */
export class Breakers {
  readonly #breakers = new Map<string, Breaker[]>();
  /** Names that are forced open, with what ends that when nobody renews it. */
  readonly #leases = new Map<string, NodeJS.Timeout>();
  #meter: BreakerMeter | undefined;

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
    const limits = limitsOf(options);
    this.#meter ??= breakerMeter(() => this.states());
    const meter = this.#meter;
    const breaker = new Breaker(
      async function (this: unknown, ...args: unknown[]) {
        return fn.apply(this as T, args as A);
      },
      {
        name,
        isFailure,
        ...limits,
        onOutcome: (outcome) => meter.outcome(name, outcome),
        onState: (state) => meter.transition(name, state),
      },
    );
    if (this.#leases.has(name)) breaker.force();
    this.#breakers.set(name, [...(this.#breakers.get(name) ?? []), breaker]);
    return async function (this: T, ...args: A): Promise<R | F> {
      try {
        return (await breaker.call(this, args)) as R;
      } catch (error) {
        if (!fallback || !isFailure(error)) throw error;
        meter.outcome(name, 'fallback');
        return fallback.call(
          this,
          error instanceof Error ? error : new Error(String(error)),
          ...args,
        );
      }
    };
  }

  /** The worst state of each name. */
  *states(): Iterable<[string, BreakerState]> {
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
  keepForced(forced: readonly ForcedBreaker[]): void {
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
