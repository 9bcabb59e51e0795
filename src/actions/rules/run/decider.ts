import { type FileStatus, WatchedFile } from '../../../entries/watched-file.ts';
import { reasonOf } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
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
import { DecisionFeed } from './decision-feed.ts';
import { evaluate, expire } from './evaluate.ts';
import { Recall } from './recall.ts';
import { SettingBook } from './setting-book.ts';
import { type Post, Webhooks } from './webhooks.ts';

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

/**
 * Evaluates business rules again and again, and tells what they decide. Several servers with the same
 * file decide as one: each reads what others have decided before it decides, and what two of them decide
 * at the same moment has the same keys, so that it is one row and one message. A server without a file
 * tells what the others decide. Nothing here rejects.
 */
export class Decider {
  readonly #options: DeciderOptions;
  readonly #file: WatchedFile<BusinessRules>;
  readonly #book = new SettingBook();
  readonly #feed = new DecisionFeed();
  readonly #recall: Recall;
  readonly #webhooks: Webhooks;
  readonly now: () => number;
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
        path,
        initial: NO_RULES,
        log,
        code: CODE,
        load: (file) => loadBusinessRules(file, refusal),
        said: ({ rules }, from) => `${rules.length} business rules of ${from} run.`,
      },
      now(),
    );
    this.#recall = new Recall(options.store, options.flush);
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

  /** Whether what was decided before the start is known. */
  get isRestored(): boolean {
    return this.#recall.isDone;
  }

  start(): void {
    this.#arm(0);
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
    return [...this.#book.lasts()].filter(
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

  /** Where who follows from now on begins. */
  position(now: number = this.now()): string {
    return this.#feed.position(now);
  }

  #arm(waitMs: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      void this.runOnce().then(() => this.#arm(this.#waitMs()));
    }, waitMs).unref();
  }

  /** Until some moment in the next interval: of several servers one comes first, as a rule. */
  #waitMs(): number {
    const { intervalMs } = this.rules;
    const now = this.now();
    return slotOf(now, intervalMs) + intervalMs - now + (Math.random() * intervalMs) / 2;
  }

  async #round(startedMs: number): Promise<readonly Decision[]> {
    this.#file.refresh(startedMs);
    const { rules, intervalMs } = this.rules;
    // The same for every server, and so are the keys of what is decided.
    const now = slotOf(startedMs, intervalMs);
    const isStart = !this.isRestored;
    const decisions: Decision[] = [];
    try {
      decisions.push(...(await this.#merge(now)));
      // A file that is refused changes nothing, and without a file others decide.
      const { file, problems } = this.status;
      const isSure = file !== undefined && problems.length === 0;
      if (isSure) decisions.push(...this.#book.keep(rules, now));
      for (const rule of rules) decisions.push(...(await this.#evaluate(rule, now)));
    } catch (error) {
      // What has been decided is not known: deciding now would be deciding twice.
      this.#sayOnce('', error);
      for (const rule of rules) decisions.push(...expire(rule, this.#book, now));
    }
    await this.#tell(decisions);
    if (this.isRestored) this.#webhooks.sendLeft(this.#book.lasts(), this.rules, now, { isStart });
    return decisions;
  }

  /** Takes over what is stored. @returns what is to be told again. @throws PS_UNAVAILABLE */
  async #merge(now: number): Promise<readonly Decision[]> {
    const isStart = !this.isRestored;
    const spans = this.rules.rules.map(({ limits, expiresAfterMs }) =>
      Math.max(limits.perMs, 2 * expiresAfterMs),
    );
    const rows = await this.#recall.read(now, Math.max(0, ...spans));
    const { heard, confirmed } = this.#book.merge(rows, now);
    this.#webhooks.hear(rows);
    if (isStart) this.#feed.recall(heard);
    else for (const decision of heard) this.#feed.tell(decision);
    this.#failing.delete('');
    return confirmed;
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
}

/** The beginning of the interval that `ms` lies in. */
function slotOf(ms: number, intervalMs: number): number {
  return Math.floor(ms / intervalMs) * intervalMs;
}
