import { delay } from '../../../core/delay.ts';
import type { DecisionOutcomeStatus } from '../../../core/schema/tables/rule-decisions-table.ts';
import type { DecisionView } from '../action-views.ts';
import { type Decision, type Tenant, toTenantKey } from './decide-setting.ts';
import type { BusinessRules, RuleWebhookConfig } from './load-business-rules.ts';
import { toDecisionView } from './stored-decisions.ts';

/** Makes one attempt to post a decision. `key` is the same for all attempts. Never rejects. */
export type PostWebhook = (
  webhook: RuleWebhookConfig,
  body: string,
  key: string,
) => Promise<{ readonly status: string; readonly reason?: string }>;

/** Called with a decision's final outcome at a webhook. */
export type OutcomeListener = (
  decision: Decision,
  author: string,
  outcome: { readonly status: DecisionOutcomeStatus; readonly reason: string },
) => void;

const ATTEMPT_DELAYS_MS = [1000, 5000, 30_000];
/**
 * Longer than all attempts together take. After this time, the server that made the decision has
 * stopped sending it.
 */
const ABANDONED_AFTER_MS = 120_000;

/**
 * Posts decisions to webhooks. Retries until the webhook accepts the decision, or the decision
 * expires or is replaced.
 */
export class DecisionWebhooks {
  readonly #post: PostWebhook;
  readonly #onOutcome: OutcomeListener;
  /** The decisions being sent, by webhook, setting, and tenant. */
  readonly #newest = new Map<string, Decision>();
  /**
   * `id.seq` of the last decision that was delivered or failed permanently, with the same keys as
   * `#newest`.
   */
  readonly #finished = new Map<string, string>();
  readonly #stopping = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();

  constructor(post: PostWebhook, onOutcome: OutcomeListener) {
    this.#post = post;
    this.#onOutcome = onOutcome;
  }

  send(decision: Decision, rules: BusinessRules): void {
    for (const webhook of findWebhooks(decision, rules)) this.#startDelivery(decision, webhook);
  }

  /** Records the outcomes in stored rows, from this server or others. Rows can be in any order. */
  recordOutcomes(rows: readonly DecisionView[]): void {
    for (const row of rows.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
      if (!row.author.startsWith(toWebhookAuthor(''))) continue;
      const name = row.author.slice(toWebhookAuthor('').length);
      this.#finished.set(toSettingKey(name, row), toAttemptKey(row));
    }
  }

  /**
   * Sends decisions that have no outcome yet. At startup, sends all of them. Later, sends only
   * decisions that another server must have abandoned. Receivers can use the idempotency key to
   * detect repeated decisions.
   */
  sendPending(
    decisions: Iterable<Decision>,
    rules: BusinessRules,
    now: number,
    { isStart }: { readonly isStart: boolean },
  ): void {
    for (const decision of decisions) {
      if (decision.dryRun || (!isStart && now - decision.timestamp < ABANDONED_AFTER_MS)) continue;
      for (const webhook of findWebhooks(decision, rules)) {
        const key = toSettingKey(webhook.name, decision);
        const sending = this.#newest.get(key);
        const handledKeys = [this.#finished.get(key), sending && toAttemptKey(sending)];
        if (!handledKeys.includes(toAttemptKey(decision))) this.#startDelivery(decision, webhook);
      }
    }
  }

  /** Stops retries and waits for the current attempts. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#inFlight);
  }

  #startDelivery(decision: Decision, webhook: RuleWebhookConfig): void {
    const delivery = this.#deliver(decision, webhook).finally(() =>
      this.#inFlight.delete(delivery),
    );
    this.#inFlight.add(delivery);
  }

  async #deliver(decision: Decision, webhook: RuleWebhookConfig): Promise<void> {
    const key = toSettingKey(webhook.name, decision);
    this.#newest.set(key, decision);
    const isNewest = () => this.#newest.get(key) === decision;
    const outcome = await this.#attemptUntilDone(decision, webhook, isNewest);
    if (isNewest()) this.#newest.delete(key);
    if (!outcome) return;
    this.#finished.set(key, toAttemptKey(decision));
    this.#onOutcome(decision, toWebhookAuthor(webhook.name), outcome);
  }

  /** @returns undefined if a newer decision replaced this one, or the server is stopping */
  async #attemptUntilDone(
    decision: Decision,
    webhook: RuleWebhookConfig,
    isNewest: () => boolean,
  ): Promise<{ status: DecisionOutcomeStatus; reason: string } | undefined> {
    const { expiresAt = Number.POSITIVE_INFINITY } = decision;
    const body = JSON.stringify({ version: '1', decision: toDecisionView(decision) });
    let reason = 'the decision expired before it was sent';
    for (const waitMs of [0, ...ATTEMPT_DELAYS_MS]) {
      if (waitMs > 0) await delay(waitMs, { signal: this.#stopping.signal });
      if (this.#stopping.signal.aborted || !isNewest()) return undefined;
      if (Date.now() > expiresAt) break;
      const outcome = await this.#post(webhook, body, toAttemptKey(decision));
      if (outcome.status === 'delivered') return { status: 'delivered', reason: '' };
      reason = outcome.reason ?? '';
      if (outcome.status === 'permanent') break;
    }
    return { status: 'failed', reason };
  }
}

function findWebhooks({ rule }: Decision, { rules, webhooks }: BusinessRules): RuleWebhookConfig[] {
  const names = rules.find(({ name }) => name === rule)?.webhooks ?? [];
  return webhooks.filter(({ name }) => names.includes(name));
}

function toSettingKey(webhook: string, decision: Tenant & { readonly setting: string }): string {
  return JSON.stringify([webhook, decision.setting, toTenantKey(decision)]);
}

function toAttemptKey({ id, seq }: { readonly id: string; readonly seq: number }): string {
  return `${id}.${seq}`;
}

function toWebhookAuthor(name: string): string {
  return `webhook:${name}`;
}
