import { reasonOf } from '../../errors.ts';
import type { OutcomeStatus } from '../../schema/rule-decisions.ts';

/** What a handler is given: the value that counts now, and why. */
export interface RuleDecision {
  readonly id: string;
  readonly seq: number;
  readonly rule: string;
  readonly event: string;
  readonly setting: string;
  /** `expired`: nothing was heard of it in time, and the default counts. */
  readonly status: 'set' | 'renewed' | 'reset' | 'expired';
  readonly value: number;
  readonly previous: number;
  readonly defaultValue: number;
  readonly facts: Readonly<Record<string, number>>;
  readonly reason: string;
  /** Whom it is for; without names, everybody. */
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

/** A decision that counts now, and for how long unless it is heard of again. */
export interface HeardDecision extends RuleDecision {
  readonly remainingMs: number;
}

export type RuleHandler = (decision: RuleDecision) => void | Promise<void>;

export interface HandlerOptions {
  /** How long a handler may take [10,000 ms]; what it does afterwards is not waited for. */
  readonly timeoutMs?: number;
}

export type OnApplied = (
  decision: RuleDecision,
  outcome: { readonly status: OutcomeStatus; readonly reason: string },
) => void;

/** One handler, with what it was given last of each setting and tenant. */
interface Subscription {
  readonly event: string;
  readonly handler: RuleHandler;
  readonly timeoutMs: number;
  readonly given: Map<string, Given>;
}

interface Given {
  decision: HeardDecision;
  /** Whether the handler has failed with its value. */
  failed: boolean;
  expiry: NodeJS.Timeout;
  /** One after another: a later value must not be overtaken by an earlier one. */
  last: Promise<void>;
}

/** Until a default is given again to a handler that failed with it: no decision comes after it. */
const DEFAULT_AGAIN_MS = 30_000;

/** Gives decisions to the application's handlers. Nothing here throws or rejects. */
export class Applier {
  readonly #onApplied: OnApplied;
  readonly #subscriptions = new Set<Subscription>();
  #heard: readonly HeardDecision[] = [];
  #heardMs = 0;

  readonly #defaultAgainMs: number;

  constructor(onApplied: OnApplied, defaultAgainMs = DEFAULT_AGAIN_MS) {
    this.#onApplied = onApplied;
    this.#defaultAgainMs = defaultAgainMs;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** @returns what ends it; the settings stay as they are then */
  onRule(
    event: string,
    handler: RuleHandler,
    { timeoutMs = 10_000 }: HandlerOptions = {},
    nowMs: number = Date.now(),
  ): () => void {
    const subscription = { event, handler, timeoutMs, given: new Map<string, Given>() };
    this.#subscriptions.add(subscription);
    const agoMs = nowMs - this.#heardMs;
    const still = this.#heard.filter(({ remainingMs }) => remainingMs > agoMs);
    this.#tell(subscription, still);
    return () => {
      this.#subscriptions.delete(subscription);
      for (const { expiry } of subscription.given.values()) clearTimeout(expiry);
    };
  }

  /** Hears all that counts now; what counted and is not among it is at its default again. */
  hear(current: readonly HeardDecision[], nowMs: number = Date.now()): void {
    this.#heard = current;
    this.#heardMs = nowMs;
    for (const subscription of this.#subscriptions) this.#tell(subscription, current);
  }

  #tell(subscription: Subscription, current: readonly HeardDecision[]): void {
    const { given, event } = subscription;
    const own = new Map(
      current.filter((each) => each.event === event).map((each) => [keyOf(each), each]),
    );
    for (const [key, decision] of own) this.#give(subscription, key, decision);
    for (const key of given.keys()) if (!own.has(key)) this.#end(subscription, key, 'reset');
  }

  #give(subscription: Subscription, key: string, decision: HeardDecision): void {
    const known = subscription.given.get(key);
    clearTimeout(known?.expiry);
    const expire = () => this.#end(subscription, key, 'expired');
    const expiry = setTimeout(expire, decision.remainingMs).unref();
    const same = known && known.decision.id === decision.id && known.decision.seq === decision.seq;
    // What failed is tried again with the next decision, not with each word of the same.
    const goesOn = known?.decision.value === decision.value && (!known.failed || same);
    if (known && goesOn) {
      Object.assign(known, { decision, expiry });
      return;
    }
    const next = { decision, expiry, failed: false, last: known?.last ?? Promise.resolve() };
    subscription.given.set(key, next);
    this.#run(subscription, next, decision);
  }

  #end(subscription: Subscription, key: string, status: 'reset' | 'expired'): void {
    const { given } = subscription;
    const known = given.get(key);
    if (!known) return;
    clearTimeout(known.expiry);
    given.delete(key);
    const { decision } = known;
    const { setting, value, defaultValue } = decision;
    known.failed = false;
    const why = status === 'expired' ? 'it was not renewed' : 'its rule does not hold any more';
    this.#giveDefault(subscription, key, known, {
      ...decision,
      status,
      value: defaultValue,
      previous: value,
      reason: `${setting} ${value} → ${defaultValue}, because ${why}`,
    });
  }

  /** Until the handler has taken it, or there is another value for it. */
  #giveDefault(subscription: Subscription, key: string, ended: Given, heard: HeardDecision): void {
    this.#run(subscription, ended, heard);
    void ended.last.then(() => {
      if (!ended.failed) return;
      ended.failed = false;
      setTimeout(() => {
        const isWanted = this.#subscriptions.has(subscription) && !subscription.given.has(key);
        if (isWanted) this.#giveDefault(subscription, key, ended, heard);
      }, this.#defaultAgainMs).unref();
    });
  }

  #run({ handler, timeoutMs }: Subscription, given: Given, heard: HeardDecision): void {
    const { remainingMs: _, ...decision } = heard;
    given.last = given.last.then(async () => {
      try {
        await within(timeoutMs, async () => handler(decision));
        this.#onApplied(decision, { status: 'applied', reason: '' });
      } catch (error) {
        given.failed = true;
        this.#onApplied(decision, { status: 'failed', reason: reasonOf(error).slice(0, 500) });
      }
    });
  }
}

function keyOf({ rule, organizationId, propertyId }: RuleDecision): string {
  return JSON.stringify([rule, organizationId ?? null, propertyId ?? null]);
}

async function within(ms: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the handler did not end within ${ms / 1000} s`)),
      ms,
    );
    timer.unref();
  });
  try {
    await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
