import { setTimeout as delay } from 'node:timers/promises';
import type { DecisionOutcomeStatus } from '../../../core/schema/tables/rule-decisions-table.ts';
import type { DecisionView } from '../action-views.ts';
import type { BusinessRules, RuleWebhookConfig } from './load-business-rules.ts';
import { type Decision, type Tenant, toTenantKey } from './setting-decision.ts';
import { toDecisionView } from './stored-decisions.ts';

/** One attempt; `key` is the same for every attempt of a decision. Never rejects. */
export type PostWebhook = (
  webhook: RuleWebhookConfig,
  body: string,
  key: string,
) => Promise<{ readonly status: string; readonly reason?: string }>;

/** Hears what became of a decision at a webhook. */
export type OutcomeListener = (
  decision: Decision,
  author: string,
  outcome: { readonly status: DecisionOutcomeStatus; readonly reason: string },
) => void;

const ATTEMPT_DELAYS_MS = [1000, 5000, 30_000];
/** Longer than all attempts take: after it, who has decided does not send any more. */
const ABANDONED_AFTER_MS = 120_000;

/** Posts decisions, each again until it is taken, has expired, or a newer one replaces it. */
export class DecisionWebhooks {
  readonly #post: PostWebhook;
  readonly #onOutcome: OutcomeListener;
  /** The newest decision of each setting, by webhook and tenant. */
  readonly #newest = new Map<string, Decision>();
  /** What was taken, or failed for good, last: by the same keys, `id.seq`. */
  readonly #finished = new Map<string, string>();
  readonly #ended = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();

  constructor(post: PostWebhook, onOutcome: OutcomeListener) {
    this.#post = post;
    this.#onOutcome = onOutcome;
  }

  send(decision: Decision, rules: BusinessRules): void {
    for (const webhook of findWebhooks(decision, rules)) this.#startDelivery(decision, webhook);
  }

  /** Hears from rows, in any order, what became of decisions here or at another server. */
  recordOutcomes(rows: readonly DecisionView[]): void {
    for (const row of rows.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
      if (!row.author.startsWith(toWebhookAuthor(''))) continue;
      const name = row.author.slice(toWebhookAuthor('').length);
      this.#finished.set(toSettingKey(name, row), toAttemptKey(row));
    }
  }

  /**
   * Sends what nobody has sent to its end: after a start all of it, later what another server must have
   * given up. Its receiver knows by the key what it has had already.
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
        const known = [
          this.#finished.get(key),
          this.#newest.has(key) ? toAttemptKey(this.#newest.get(key)!) : undefined,
        ];
        if (!known.includes(toAttemptKey(decision))) this.#startDelivery(decision, webhook);
      }
    }
  }

  /** Ends after the attempts that are under way. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#inFlight);
  }

  #startDelivery(decision: Decision, webhook: RuleWebhookConfig): void {
    const sending = this.#deliver(decision, webhook).finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
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

  /** @returns undefined when it was given up for a newer one, or the process ends */
  async #attemptUntilDone(
    decision: Decision,
    webhook: RuleWebhookConfig,
    isNewest: () => boolean,
  ): Promise<{ status: DecisionOutcomeStatus; reason: string } | undefined> {
    const { expiresAt = Number.POSITIVE_INFINITY } = decision;
    const body = JSON.stringify({ version: '1', decision: toDecisionView(decision) });
    let reason = 'it expired before it was sent';
    for (const waitMs of [0, ...ATTEMPT_DELAYS_MS]) {
      if (waitMs > 0) await abortableDelay(waitMs, this.#ended.signal);
      if (this.#ended.signal.aborted || !isNewest()) return undefined;
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

/** By webhook, setting and tenant. */
function toSettingKey(webhook: string, of: Tenant & { readonly setting: string }): string {
  return JSON.stringify([webhook, of.setting, toTenantKey(of)]);
}

function toAttemptKey({ id, seq }: { readonly id: string; readonly seq: number }): string {
  return `${id}.${seq}`;
}

function toWebhookAuthor(name: string): string {
  return `webhook:${name}`;
}

/** Ends early, and without a word, when the signal aborts. */
function abortableDelay(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch(() => {});
}
