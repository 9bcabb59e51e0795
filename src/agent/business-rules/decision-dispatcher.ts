import { withTimeout } from '../../core/concurrency.ts';
import { DAY_MS } from '../../core/duration.ts';
import { guard, startTask } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import type { DecisionOutcomeStatus } from '../../core/schema/tables/rule-decisions-table.ts';
import { checkFunction, checkName, readOptions, toMsInRange } from '../argument-checks.ts';

/** Value of a setting that a business rule decided, with the reason. */
export interface RuleDecision {
  /**
   * Shared by all decisions from the first change to the setting until its reset to the default.
   */
  readonly id: string;
  /** Sequence number of the decision within `id`. */
  readonly seq: number;
  /** Name of the business rule. */
  readonly rule: string;
  /** `event` of the business rule. */
  readonly event: string;
  /** Name of the setting that the rule changes. */
  readonly setting: string;
  /**
   * `set`: the rule chose a new value. `renewed`: the value stays in effect. `reset`: the rule ended. `expired`: the
   * decision was not renewed in time.
   */
  readonly status: 'set' | 'renewed' | 'reset' | 'expired';
  /** Value to apply. The default value if `status` is `reset` or `expired`. */
  readonly value: number;
  /** Value before this decision. */
  readonly previous: number;
  /** Value of the setting while the rule has no decision. */
  readonly defaultValue: number;
  /** Measured values that led to the decision, by name. */
  readonly facts: Readonly<Record<string, number>>;
  /** Why the rule chose the value, as text for people. */
  readonly reason: string;
  /** Organization that the decision applies to. Default: all organizations. */
  readonly organizationId?: string | undefined;
  /** Property that the decision applies to. Default: all properties. */
  readonly propertyId?: string | undefined;
}

/** A decision that is in effect until `remainingMs` have passed, unless it is renewed. */
export interface ActiveDecision extends RuleDecision {
  readonly remainingMs: number;
}

/**
 * Applies a decision in the application. If it throws or rejects, the failure is stored as the outcome of the decision.
 *
 * @param decision the value to apply, and its reason
 */
export type RuleHandler = (decision: RuleDecision) => void | Promise<void>;

/** Options of `onRule`. */
export interface HandlerOptions {
  /** Time limit for one handler call, in ms, from 1 to 86,400,000 (a day). Default: 10,000. */
  readonly timeoutMs?: number;
}

export type OnDecisionApplied = (
  decision: RuleDecision,
  outcome: { readonly status: DecisionOutcomeStatus; readonly reason: string },
) => void;

/** A handler, and the last decision applied for each rule and tenant. */
interface HandlerSubscription {
  readonly event: string;
  readonly handler: RuleHandler;
  readonly timeoutMs: number;
  readonly applied: Map<string, AppliedDecision>;
}

interface AppliedDecision {
  decision: ActiveDecision;
  /** Whether the handler failed with this decision. */
  failed: boolean;
  expiryTimer: NodeJS.Timeout;
  /** Last handler call. Calls are chained, so that an older value can't overwrite a newer value. */
  lastCall: Promise<void>;
}

/** What fails, for {@link guard}. */
const PART = 'the business rules';
const TIMEOUT_RANGE_MS = { min: 1, max: DAY_MS, fallback: 10_000 };
/**
 * Delay before the handler is called again if it failed to apply a default value. No later decision
 * would retry this.
 */
const DEFAULT_RETRY_MS = 30_000;

/** Passes decisions to the handlers of the application. No method throws or rejects. */
export class DecisionDispatcher {
  readonly #onApplied: OnDecisionApplied;
  readonly #defaultRetryMs: number;
  readonly #subscriptions = new Set<HandlerSubscription>();
  #activeDecisions: readonly ActiveDecision[] = [];
  #receivedMs = 0;

  /**
   * @param defaultRetryMs delay, in ms, before the handler is called again if it failed to apply a
   *   default value
   */
  constructor(onApplied: OnDecisionApplied, defaultRetryMs = DEFAULT_RETRY_MS) {
    this.#onApplied = guard(PART, onApplied);
    this.#defaultRetryMs = defaultRetryMs;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /**
   * @returns a function that unsubscribes the handler and leaves the settings unchanged
   * @throws PS_ARGUMENT_INVALID if an argument is invalid
   */
  onRule(
    event: string,
    handler: RuleHandler,
    options?: HandlerOptions,
    nowMs: number = Date.now(),
  ): () => void {
    checkName('onRule', 'event', event);
    checkFunction('onRule', 'handler', handler);
    const given = readOptions('onRule', options, ['timeoutMs']);
    const timeoutMs = toMsInRange('onRule', 'timeoutMs', given.timeoutMs, TIMEOUT_RANGE_MS);
    const subscription: HandlerSubscription = { event, handler, timeoutMs, applied: new Map() };
    this.#subscriptions.add(subscription);
    const ageMs = nowMs - this.#receivedMs;
    const current = this.#activeDecisions.filter(({ remainingMs }) => remainingMs > ageMs);
    this.#dispatchTo(subscription, current);
    return () => {
      this.#subscriptions.delete(subscription);
      for (const { expiryTimer } of subscription.applied.values()) clearTimeout(expiryTimer);
    };
  }

  /** Replaces the active decisions. Settings without an active decision return to their default. */
  dispatch(current: readonly ActiveDecision[], nowMs: number = Date.now()): void {
    this.#activeDecisions = current;
    this.#receivedMs = nowMs;
    for (const subscription of this.#subscriptions) this.#dispatchTo(subscription, current);
  }

  #dispatchTo(subscription: HandlerSubscription, current: readonly ActiveDecision[]): void {
    const { applied, event } = subscription;
    const matching = new Map(
      current
        .filter((decision) => decision.event === event)
        .map((decision) => [toDecisionKey(decision), decision]),
    );
    for (const [key, decision] of matching) this.#apply(subscription, key, decision);
    for (const key of applied.keys())
      if (!matching.has(key)) this.#endDecision(subscription, key, 'reset');
  }

  #apply(subscription: HandlerSubscription, key: string, decision: ActiveDecision): void {
    const previous = subscription.applied.get(key);
    clearTimeout(previous?.expiryTimer);
    const expire = () => this.#endDecision(subscription, key, 'expired');
    const expiryTimer = startTimeout(PART, expire, decision.remainingMs);
    if (previous && !needsHandlerCall(previous, decision)) {
      Object.assign(previous, { decision, expiryTimer });
      return;
    }
    const lastCall = previous?.lastCall ?? Promise.resolve();
    const next: AppliedDecision = { decision, expiryTimer, failed: false, lastCall };
    subscription.applied.set(key, next);
    this.#callHandler(subscription, next, decision);
  }

  #endDecision(subscription: HandlerSubscription, key: string, status: 'reset' | 'expired'): void {
    const ended = subscription.applied.get(key);
    if (!ended) return;
    clearTimeout(ended.expiryTimer);
    subscription.applied.delete(key);
    ended.failed = false;
    const { decision } = ended;
    const { setting, value, defaultValue } = decision;
    const cause = status === 'expired' ? 'it was not renewed' : 'the rule no longer applies';
    this.#applyDefault(subscription, key, ended, {
      ...decision,
      status,
      value: defaultValue,
      previous: value,
      reason: `${setting} ${value} → ${defaultValue}, because ${cause}`,
    });
  }

  /** Retries until the handler succeeds, a new decision is active, or the handler unsubscribes. */
  #applyDefault(
    subscription: HandlerSubscription,
    key: string,
    ended: AppliedDecision,
    decision: ActiveDecision,
  ): void {
    this.#callHandler(subscription, ended, decision);
    const retry = () => {
      const isNeeded = this.#subscriptions.has(subscription) && !subscription.applied.has(key);
      if (isNeeded) this.#applyDefault(subscription, key, ended, decision);
    };
    startTask(PART, async () => {
      await ended.lastCall;
      if (!ended.failed) return;
      ended.failed = false;
      startTimeout(PART, retry, this.#defaultRetryMs);
    });
  }

  #callHandler(
    { handler, timeoutMs }: HandlerSubscription,
    applied: AppliedDecision,
    { remainingMs: _, ...decision }: ActiveDecision,
  ): void {
    applied.lastCall = applied.lastCall.then(async () => {
      try {
        await withHandlerTimeout(timeoutMs, async () => handler(decision));
      } catch (error) {
        applied.failed = true;
        this.#onApplied(decision, { status: 'failed', reason: toReason(error) });
        return;
      }
      this.#onApplied(decision, { status: 'applied', reason: '' });
    });
  }
}

/**
 * If the handler failed, it is called again only for a new decision, not each time the same
 * decision is polled.
 */
function needsHandlerCall(previous: AppliedDecision, decision: ActiveDecision): boolean {
  if (previous.decision.value !== decision.value) return true;
  const isSame = previous.decision.id === decision.id && previous.decision.seq === decision.seq;
  return previous.failed && !isSame;
}

function toDecisionKey({ rule, organizationId, propertyId }: RuleDecision): string {
  return JSON.stringify([rule, organizationId ?? null, propertyId ?? null]);
}

function toReason(thrown: unknown): string {
  try {
    return errorMessage(thrown).slice(0, 500);
  } catch {
    return 'the thrown value cannot be read';
  }
}

function withHandlerTimeout(ms: number, work: () => Promise<void>): Promise<void> {
  const onTimeout = () => {
    throw new Error(`the handler did not finish within ${ms / 1000} s`);
  };
  return withTimeout(ms, work(), onTimeout, { keepAlive: false });
}
