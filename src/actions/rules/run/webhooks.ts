import { setTimeout as delay } from 'node:timers/promises';
import type { OutcomeStatus } from '../../../schema/rule-decisions.ts';
import { type Decision, tenantKey } from '../decide.ts';
import type { WebhookEntry } from '../load/entry.ts';
import type { BusinessRules } from '../load/load.ts';
import { viewOf } from '../rows.ts';

/** One attempt; `key` is the same for every attempt of a decision. Never rejects. */
export type Post = (
  webhook: WebhookEntry,
  body: string,
  key: string,
) => Promise<{ readonly status: string; readonly reason?: string }>;

/** Hears what became of a decision at a webhook. */
export type OnOutcome = (
  decision: Decision,
  author: string,
  outcome: { readonly status: OutcomeStatus; readonly reason: string },
) => void;

const WAITS_MS = [1000, 5000, 30_000];

/** Posts decisions, each again until it is taken, has expired, or a newer one replaces it. */
export class Webhooks {
  readonly #post: Post;
  readonly #onOutcome: OnOutcome;
  /** The newest decision of each setting, by webhook and tenant. */
  readonly #newest = new Map<string, Decision>();
  readonly #ended = new AbortController();
  readonly #underway = new Set<Promise<void>>();

  constructor(post: Post, onOutcome: OnOutcome) {
    this.#post = post;
    this.#onOutcome = onOutcome;
  }

  send(decision: Decision, { rules, webhooks }: BusinessRules): void {
    const names = rules.find(({ name }) => name === decision.rule)?.webhooks ?? [];
    for (const webhook of webhooks.filter(({ name }) => names.includes(name))) {
      const sending = this.#deliver(decision, webhook).finally(() =>
        this.#underway.delete(sending),
      );
      this.#underway.add(sending);
    }
  }

  /** Ends after the attempts that are under way. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#underway);
  }

  async #deliver(decision: Decision, webhook: WebhookEntry): Promise<void> {
    const key = JSON.stringify([webhook.name, decision.setting, tenantKey(decision)]);
    this.#newest.set(key, decision);
    const isNewest = () => this.#newest.get(key) === decision;
    const outcome = await this.#attempts(decision, webhook, isNewest);
    if (isNewest()) this.#newest.delete(key);
    if (outcome) this.#onOutcome(decision, webhookAuthor(webhook.name), outcome);
  }

  /** @returns undefined when it was given up for a newer one, or the process ends */
  async #attempts(
    decision: Decision,
    webhook: WebhookEntry,
    isNewest: () => boolean,
  ): Promise<{ status: OutcomeStatus; reason: string } | undefined> {
    const { id, seq, expiresAt = Number.POSITIVE_INFINITY } = decision;
    const body = JSON.stringify({ version: '1', decision: viewOf(decision) });
    let reason = 'it expired before it was sent';
    for (const waitMs of [0, ...WAITS_MS]) {
      if (waitMs > 0) await pause(waitMs, this.#ended.signal);
      if (this.#ended.signal.aborted || !isNewest()) return undefined;
      if (Date.now() > expiresAt) break;
      const outcome = await this.#post(webhook, body, `${id}.${seq}`);
      if (outcome.status === 'delivered') return { status: 'delivered', reason: '' };
      reason = outcome.reason ?? '';
      if (outcome.status === 'permanent') break;
    }
    return { status: 'failed', reason };
  }
}

export function webhookAuthor(name: string): string {
  return `webhook:${name}`;
}

/** Ends early, and without a word, when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch(() => {});
}
