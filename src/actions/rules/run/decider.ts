import { type FileStatus, WatchedFile } from '../../../entries/watched-file.ts';
import { reasonOf } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type { DecisionView } from '../../../schema/action-desk.ts';
import { Feed } from '../../../schema/feed.ts';
import type { Add } from '../../../schema/tables.ts';
import type { Store } from '../../../windows/store.ts';
import type { Decision } from '../decide.ts';
import {
  type BusinessRules,
  loadBusinessRules,
  NO_RULES,
  type WebhookRefusal,
} from '../load/load.ts';
import { outcomeRow, rowOfDecision } from '../rows.ts';
import type { BusinessRule } from '../rule.ts';
import { evaluate, expire } from './evaluate.ts';
import { recentDecisions } from './read.ts';
import { SettingBook } from './setting-book.ts';
import { type Post, Webhooks, webhookAuthor } from './webhooks.ts';

export interface DeciderOptions {
  readonly store: Store;
  readonly add: Add;
  /** Sends what was added. */
  readonly flush: () => Promise<void>;
  /** The file with the rules, read again when it changes. */
  readonly path: string | undefined;
  readonly refusal: WebhookRefusal;
  readonly post: Post;
  readonly log: Log;
  readonly now?: () => number;
}

const CODE = 'PS_BUSINESS_RULES_INVALID';

/** Evaluates business rules again and again, and tells what they decide. Nothing here rejects. */
export class Decider {
  readonly #options: DeciderOptions;
  readonly #file: WatchedFile<BusinessRules>;
  readonly #book = new SettingBook();
  readonly #feed = new Feed<Decision>();
  readonly #webhooks: Webhooks;
  readonly now: () => number;
  #restored = false;
  /** Rules whose last evaluation failed; '' for all. */
  readonly #failing = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: DeciderOptions) {
    const { path, refusal, log, post, now = Date.now } = options;
    this.#options = options;
    this.now = now;
    this.#file = new WatchedFile<BusinessRules>(
      {
        ...{ path, initial: NO_RULES, log, code: CODE },
        load: (file) => loadBusinessRules(file, refusal),
        said: ({ rules }, from) => `${rules.length} business rules of ${from} run.`,
      },
      now(),
    );
    this.#webhooks = new Webhooks(post, (decision, author, outcome) => {
      options.add('rule_decisions', [outcomeRow(decision, author, outcome, now())]);
    });
  }

  get rules(): BusinessRules {
    return this.#file.value;
  }

  get status(): FileStatus {
    return this.#file.status;
  }

  start(): void {
    if (this.#options.path !== undefined) this.#arm(0);
  }

  /** Ends after the evaluation that is under way. */
  async stop(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#last;
    await this.#webhooks.stop();
  }

  /** Evaluates all rules once, after what is under way. @returns what was decided, and is stored */
  runOnce(now: number = this.now()): Promise<readonly Decision[]> {
    const run = this.#last.then(() => this.#round(now));
    this.#last = run;
    return run;
  }

  /** What counts now, dry runs left out. */
  current(now: number = this.now()): Decision[] {
    return [...this.#book.current()].filter(
      ({ expiresAt = 0, dryRun }) => expiresAt > now && !dryRun,
    );
  }

  /** Tells what is behind `position` and still known, then all that comes. @returns what ends it */
  follow(
    position: string | undefined,
    listener: (decision: Decision, position: string) => void,
  ): () => void {
    return this.#feed.follow(position, listener);
  }

  #arm(waitMs: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      const startedMs = this.now();
      void this.runOnce(startedMs).then(() =>
        this.#arm(Math.max(250, this.rules.intervalMs - (this.now() - startedMs))),
      );
    }, waitMs).unref();
  }

  async #round(now: number): Promise<readonly Decision[]> {
    this.#file.refresh(now);
    try {
      await this.#restoreOnce(now);
    } catch (error) {
      // What was decided before is not known: deciding now would be deciding twice.
      this.#sayOnce('', error);
      return [];
    }
    const { rules } = this.rules;
    const decisions = this.#book.keep(rules, now);
    for (const rule of rules) decisions.push(...(await this.#evaluate(rule, now)));
    await this.#tell(decisions);
    return decisions;
  }

  async #evaluate(rule: BusinessRule, now: number): Promise<Decision[]> {
    try {
      const decisions = await evaluate(this.#options.store, rule, this.#book, now);
      this.#failing.delete(rule.name);
      return decisions;
    } catch (error) {
      this.#sayOnce(rule.name, error);
      return expire(rule, this.#book, now);
    }
  }

  #sayOnce(rule: string, error: unknown): void {
    const what = rule === '' ? 'Business rules are' : `The business rule ${rule} is`;
    if (!this.#failing.has(rule))
      this.#options.log.warn(`${what} not evaluated: ${reasonOf(error)}`);
    this.#failing.add(rule);
  }

  /** What is told is stored, or safe in the spool, before: a restart in between decides nothing twice. */
  async #tell(decisions: readonly Decision[]): Promise<void> {
    if (decisions.length === 0) return;
    const { add, flush, log } = this.#options;
    add('rule_decisions', decisions.map(rowOfDecision));
    await flush().catch(() => {});
    for (const decision of decisions) {
      const { rule, reason, dryRun, status } = decision;
      const said = `rule ${rule} ${status}${dryRun ? ' (dry run)' : ''}: ${reason}`;
      if (status !== 'renewed') log.info(said, { property: decision.propertyId });
      this.#feed.tell(decision);
      if (!dryRun) this.#webhooks.send(decision, this.rules);
    }
  }

  async #restoreOnce(now: number): Promise<void> {
    if (this.#restored) return;
    const { store, flush } = this.#options;
    const spans = this.rules.rules.map(({ limits, expiresAfterMs }) =>
      Math.max(limits.perMs, 2 * expiresAfterMs),
    );
    // What the last process left in the spool belongs to it.
    await flush().catch(() => {});
    const rows = await recentDecisions(store, now - Math.max(86_400_000, ...spans));
    this.#book.restore(rows);
    this.#restored = true;
    this.#failing.delete('');
    this.#sendAgain(rows);
  }

  /** What was decided and not yet taken when the last process ended; a webhook knows it by its key. */
  #sendAgain(rows: readonly DecisionView[]): void {
    const isTaken = ({ id, seq }: Decision) =>
      rows.some(
        (row) => row.id === id && row.seq === seq && row.author.startsWith(webhookAuthor('')),
      );
    for (const decision of this.#book.current()) {
      if (!decision.dryRun && !isTaken(decision)) this.#webhooks.send(decision, this.rules);
    }
  }
}
