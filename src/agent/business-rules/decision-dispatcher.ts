import { withTimeout } from '../../core/concurrency.ts';
import { errorMessage } from '../../core/errors.ts';
import type { DecisionOutcomeStatus } from '../../core/schema/tables/rule-decisions-table.ts';

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
export interface ActiveDecision extends RuleDecision {
  readonly remainingMs: number;
}

export type RuleHandler = (decision: RuleDecision) => void | Promise<void>;

export interface HandlerOptions {
  /** How long a handler may take [10,000 ms]; what it does afterwards is not waited for. */
  readonly timeoutMs?: number;
}

export type OnDecisionApplied = (
  decision: RuleDecision,
  outcome: { readonly status: DecisionOutcomeStatus; readonly reason: string },
) => void;

/** One handler, with what it was given last of each setting and tenant. */
interface HandlerSubscription {
  readonly event: string;
  readonly handler: RuleHandler;
  readonly timeoutMs: number;
  readonly given: Map<string, AppliedDecision>;
}

interface AppliedDecision {
  decision: ActiveDecision;
  /** Whether the handler has failed with its value. */
  failed: boolean;
  expiry: NodeJS.Timeout;
  /** One after another: a later value must not be overtaken by an earlier one. */
  last: Promise<void>;
}

/** Until a default is given again to a handler that failed with it: no decision comes after it. */
const DEFAULT_RETRY_MS = 30_000;

/** Gives decisions to the application's handlers. Nothing here throws or rejects. */
export class DecisionDispatcher {
  readonly #onApplied: OnDecisionApplied;
  readonly #subscriptions = new Set<HandlerSubscription>();
  #activeDecisions: readonly ActiveDecision[] = [];
  #receivedMs = 0;

  readonly #defaultRetryMs: number;

  constructor(onApplied: OnDecisionApplied, defaultAgainMs = DEFAULT_RETRY_MS) {
    this.#onApplied = onApplied;
    this.#defaultRetryMs = defaultAgainMs;
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
    const subscription = { event, handler, timeoutMs, given: new Map<string, AppliedDecision>() };
    this.#subscriptions.add(subscription);
    const agoMs = nowMs - this.#receivedMs;
    const still = this.#activeDecisions.filter(({ remainingMs }) => remainingMs > agoMs);
    this.#dispatchTo(subscription, still);
    return () => {
      this.#subscriptions.delete(subscription);
      for (const { expiry } of subscription.given.values()) clearTimeout(expiry);
    };
  }

  /** Hears all that counts now; what counted and is not among it is at its default again. */
  dispatch(current: readonly ActiveDecision[], nowMs: number = Date.now()): void {
    this.#activeDecisions = current;
    this.#receivedMs = nowMs;
    for (const subscription of this.#subscriptions) this.#dispatchTo(subscription, current);
  }

  #dispatchTo(subscription: HandlerSubscription, current: readonly ActiveDecision[]): void {
    const { given, event } = subscription;
    const own = new Map(
      current.filter((each) => each.event === event).map((each) => [toDecisionKey(each), each]),
    );
    for (const [key, decision] of own) this.#apply(subscription, key, decision);
    for (const key of given.keys())
      if (!own.has(key)) this.#endDecision(subscription, key, 'reset');
  }

  #apply(subscription: HandlerSubscription, key: string, decision: ActiveDecision): void {
    const known = subscription.given.get(key);
    clearTimeout(known?.expiry);
    const expire = () => this.#endDecision(subscription, key, 'expired');
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
    this.#callHandler(subscription, next, decision);
  }

  #endDecision(subscription: HandlerSubscription, key: string, status: 'reset' | 'expired'): void {
    const { given } = subscription;
    const known = given.get(key);
    if (!known) return;
    clearTimeout(known.expiry);
    given.delete(key);
    const { decision } = known;
    const { setting, value, defaultValue } = decision;
    known.failed = false;
    const why = status === 'expired' ? 'it was not renewed' : 'its rule does not hold any more';
    this.#applyDefault(subscription, key, known, {
      ...decision,
      status,
      value: defaultValue,
      previous: value,
      reason: `${setting} ${value} → ${defaultValue}, because ${why}`,
    });
  }

  /** Until the handler has taken it, or there is another value for it. */
  #applyDefault(
    subscription: HandlerSubscription,
    key: string,
    ended: AppliedDecision,
    heard: ActiveDecision,
  ): void {
    this.#callHandler(subscription, ended, heard);
    void ended.last.then(() => {
      if (!ended.failed) return;
      ended.failed = false;
      setTimeout(() => {
        const isWanted = this.#subscriptions.has(subscription) && !subscription.given.has(key);
        if (isWanted) this.#applyDefault(subscription, key, ended, heard);
      }, this.#defaultRetryMs).unref();
    });
  }

  #callHandler(
    { handler, timeoutMs }: HandlerSubscription,
    given: AppliedDecision,
    heard: ActiveDecision,
  ): void {
    const { remainingMs: _, ...decision } = heard;
    given.last = given.last.then(async () => {
      try {
        await withHandlerTimeout(timeoutMs, async () => handler(decision));
        this.#onApplied(decision, { status: 'applied', reason: '' });
      } catch (error) {
        given.failed = true;
        this.#onApplied(decision, { status: 'failed', reason: errorMessage(error).slice(0, 500) });
      }
    });
  }
}

function toDecisionKey({ rule, organizationId, propertyId }: RuleDecision): string {
  return JSON.stringify([rule, organizationId ?? null, propertyId ?? null]);
}

function withHandlerTimeout(ms: number, work: () => Promise<void>): Promise<void> {
  const onTimeout = () => {
    throw new Error(`the handler did not finish within ${ms / 1000} s`);
  };
  return withTimeout(ms, work(), onTimeout, { keepAlive: false });
}
