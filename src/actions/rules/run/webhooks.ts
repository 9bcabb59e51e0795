import { setTimeout as delay } from 'node:timers/promises';
import type { DecisionView } from '../../../schema/action-desk.ts';
import type { OutcomeStatus } from '../../../schema/rule-decisions.ts';
import { type Decision, type Tenant, tenantKey } from '../decide.ts';
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
/** Longer than all attempts take: after it, who has decided does not send any more. */
const GIVEN_UP_MS = 120_000;

/** Posts decisions, each again until it is taken, has expired, or a newer one replaces it. */
export class Webhooks {
  readonly #post: Post;
  readonly #onOutcome: OnOutcome;
  /** The newest decision of each setting, by webhook and tenant. */
  readonly #newest = new Map<string, Decision>();
  /** What was taken, or failed for good, last: by the same keys, `id.seq`. */
  readonly #settled = new Map<string, string>();
  readonly #ended = new AbortController();
  readonly #underway = new Set<Promise<void>>();

  constructor(post: Post, onOutcome: OnOutcome) {
    this.#post = post;
    this.#onOutcome = onOutcome;
  }

  send(decision: Decision, rules: BusinessRules): void {
    for (const webhook of webhooksOf(decision, rules)) this.#begin(decision, webhook);
  }

  /** Hears from rows, in any order, what became of decisions here or at another server. */
  hear(rows: readonly DecisionView[]): void {
    for (const row of rows.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
      if (!row.author.startsWith(webhookAuthor(''))) continue;
      const name = row.author.slice(webhookAuthor('').length);
      this.#settled.set(settingKey(name, row), attemptKey(row));
    }
  }

  /**
   * Sends what nobody has sent to its end: after a start all of it, later what another server must have
   * given up. Its receiver knows by the key what it has had already.
   */
  sendLeft(
    decisions: Iterable<Decision>,
    rules: BusinessRules,
    now: number,
    { isStart }: { readonly isStart: boolean },
  ): void {
    for (const decision of decisions) {
      if (decision.dryRun || (!isStart && now - decision.timestamp < GIVEN_UP_MS)) continue;
      for (const webhook of webhooksOf(decision, rules)) {
        const key = settingKey(webhook.name, decision);
        const known = [
          this.#settled.get(key),
          this.#newest.has(key) ? attemptKey(this.#newest.get(key)!) : undefined,
        ];
        if (!known.includes(attemptKey(decision))) this.#begin(decision, webhook);
      }
    }
  }

  /** Ends after the attempts that are under way. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#underway);
  }

  #begin(decision: Decision, webhook: WebhookEntry): void {
    const sending = this.#deliver(decision, webhook).finally(() => this.#underway.delete(sending));
    this.#underway.add(sending);
  }

  async #deliver(decision: Decision, webhook: WebhookEntry): Promise<void> {
    const key = settingKey(webhook.name, decision);
    this.#newest.set(key, decision);
    const isNewest = () => this.#newest.get(key) === decision;
    const outcome = await this.#attempts(decision, webhook, isNewest);
    if (isNewest()) this.#newest.delete(key);
    if (!outcome) return;
    this.#settled.set(key, attemptKey(decision));
    this.#onOutcome(decision, webhookAuthor(webhook.name), outcome);
  }

  /** @returns undefined when it was given up for a newer one, or the process ends */
  async #attempts(
    decision: Decision,
    webhook: WebhookEntry,
    isNewest: () => boolean,
  ): Promise<{ status: OutcomeStatus; reason: string } | undefined> {
    const { expiresAt = Number.POSITIVE_INFINITY } = decision;
    const body = JSON.stringify({ version: '1', decision: viewOf(decision) });
    let reason = 'it expired before it was sent';
    for (const waitMs of [0, ...WAITS_MS]) {
      if (waitMs > 0) await pause(waitMs, this.#ended.signal);
      if (this.#ended.signal.aborted || !isNewest()) return undefined;
      if (Date.now() > expiresAt) break;
      const outcome = await this.#post(webhook, body, attemptKey(decision));
      if (outcome.status === 'delivered') return { status: 'delivered', reason: '' };
      reason = outcome.reason ?? '';
      if (outcome.status === 'permanent') break;
    }
    return { status: 'failed', reason };
  }
}

function webhooksOf({ rule }: Decision, { rules, webhooks }: BusinessRules): WebhookEntry[] {
  const names = rules.find(({ name }) => name === rule)?.webhooks ?? [];
  return webhooks.filter(({ name }) => names.includes(name));
}

/** By webhook, setting and tenant. */
function settingKey(webhook: string, of: Tenant & { readonly setting: string }): string {
  return JSON.stringify([webhook, of.setting, tenantKey(of)]);
}

function attemptKey({ id, seq }: { readonly id: string; readonly seq: number }): string {
  return `${id}.${seq}`;
}

function webhookAuthor(name: string): string {
  return `webhook:${name}`;
}

/** Ends early, and without a word, when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch(() => {});
}
