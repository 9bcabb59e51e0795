import { WatchedFile, type WatchedFileStatus } from '../../../core/config-files/watched-file.ts';
import { errorMessage } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { BusinessRule } from './business-rule.ts';
import { DecisionFeed } from './decision-feed.ts';
import { DecisionWebhooks, type PostWebhook } from './decision-webhooks.ts';
import { evaluateRule, expireSettings } from './evaluate-rule.ts';
import {
  type BusinessRules,
  loadBusinessRules,
  NO_RULES,
  type WebhookUrlValidator,
} from './load-business-rules.ts';
import type { Decision } from './setting-decision.ts';
import { SettingStore } from './setting-store.ts';
import { DecisionRestorer, toDecisionRow, toOutcomeRow } from './stored-decisions.ts';

export interface BusinessRuleEvaluatorOptions {
  readonly store: QueryClient;
  readonly add: AddRows;
  /** Sends what was added. */
  readonly flush: () => Promise<void>;
  /** The file with the rules, read again when it changes. */
  readonly path: string | undefined;
  readonly validateWebhookUrl: WebhookUrlValidator;
  readonly post: PostWebhook;
  readonly log: Logger;
  readonly now?: () => number;
}

const INVALID_FILE_CODE = 'PS_BUSINESS_RULES_INVALID';

/**
 * Evaluates business rules again and again, and tells what they decide. Several servers with the same
 * file decide as one: each reads what others have decided before it decides, and what two of them decide
 * at the same moment has the same keys, so that it is one row and one message. A server without a file
 * tells what the others decide. Nothing here rejects.
 */
export class BusinessRuleEvaluator {
  readonly #options: BusinessRuleEvaluatorOptions;
  readonly #file: WatchedFile<BusinessRules>;
  readonly #settings = new SettingStore();
  readonly #feed = new DecisionFeed();
  readonly #restorer: DecisionRestorer;
  readonly #webhooks: DecisionWebhooks;
  readonly now: () => number;
  /** Rules whose last evaluation failed; '' for all. */
  readonly #failing = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #lastRun: Promise<unknown> = Promise.resolve();

  constructor(options: BusinessRuleEvaluatorOptions) {
    const { path, validateWebhookUrl: refusal, log, post, now = Date.now } = options;
    this.#options = options;
    this.now = now;
    this.#file = new WatchedFile<BusinessRules>(
      {
        path,
        initial: NO_RULES,
        log,
        code: INVALID_FILE_CODE,
        load: (file) => loadBusinessRules(file, refusal),
        formatLoadedMessage: ({ rules }, from) => `${rules.length} business rules of ${from} run.`,
      },
      now(),
    );
    this.#restorer = new DecisionRestorer(options.store, options.flush);
    this.#webhooks = new DecisionWebhooks(post, (decision, author, outcome) => {
      options.add('rule_decisions', [toOutcomeRow(decision, author, outcome, now())]);
    });
  }

  get rules(): BusinessRules {
    return this.#file.value;
  }

  get status(): WatchedFileStatus {
    return this.#file.status;
  }

  /** Whether what was decided before the start is known. */
  get isRestored(): boolean {
    return this.#restorer.isDone;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Ends after the evaluation that is under way. */
  async stop(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#lastRun;
    await this.#webhooks.stop();
  }

  /** Evaluates all rules once, after what is under way. @returns what was decided, and is stored */
  runOnce(now: number = this.now()): Promise<readonly Decision[]> {
    const run = this.#lastRun.then(() => this.#evaluateAll(now));
    this.#lastRun = run;
    return run;
  }

  /** What counts now, dry runs left out. */
  getActiveDecisions(now: number = this.now()): Decision[] {
    return [...this.#settings.lastDecisions()].filter(
      ({ expiresAt = 0, dryRun }) => expiresAt > now && !dryRun,
    );
  }

  /** Tells what is behind `position` and still known, then all that comes. @returns what ends it */
  subscribe(
    position: string | undefined,
    listener: (decision: Decision, position: string) => void,
  ): () => void {
    return this.#feed.subscribe(position, listener);
  }

  /** Where who follows from now on begins. */
  getPosition(now: number = this.now()): string {
    return this.#feed.getPosition(now);
  }

  #schedule(waitMs: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      void this.runOnce().then(() => this.#schedule(this.#computeDelayMs()));
    }, waitMs).unref();
  }

  /** Until some moment in the next interval: of several servers one comes first, as a rule. */
  #computeDelayMs(): number {
    const { intervalMs } = this.rules;
    const now = this.now();
    return floorToInterval(now, intervalMs) + intervalMs - now + (Math.random() * intervalMs) / 2;
  }

  async #evaluateAll(startedMs: number): Promise<readonly Decision[]> {
    this.#file.refresh(startedMs);
    const { rules, intervalMs } = this.rules;
    // The same for every server, and so are the keys of what is decided.
    const now = floorToInterval(startedMs, intervalMs);
    const isStart = !this.isRestored;
    const decisions: Decision[] = [];
    try {
      decisions.push(...(await this.#mergeStored(now)));
      // A file that is refused changes nothing, and without a file others decide.
      const { file, problems } = this.status;
      const isSure = file !== undefined && problems.length === 0;
      if (isSure) decisions.push(...this.#settings.resetRemovedRules(rules, now));
      for (const rule of rules) decisions.push(...(await this.#evaluateOne(rule, now)));
    } catch (error) {
      // What has been decided is not known: deciding now would be deciding twice.
      this.#warnOnce('', error);
      for (const rule of rules) decisions.push(...expireSettings(rule, this.#settings, now));
    }
    await this.#publish(decisions);
    if (this.isRestored)
      this.#webhooks.sendPending(this.#settings.lastDecisions(), this.rules, now, { isStart });
    return decisions;
  }

  /** Takes over what is stored. @returns what is to be told again. @throws PS_UNAVAILABLE */
  async #mergeStored(now: number): Promise<readonly Decision[]> {
    const isStart = !this.isRestored;
    const spans = this.rules.rules.map(({ limits, expiresAfterMs }) =>
      Math.max(limits.perMs, 2 * expiresAfterMs),
    );
    const rows = await this.#restorer.readDecisions(now, Math.max(0, ...spans));
    const { received: heard, confirmed } = this.#settings.merge(rows, now);
    this.#webhooks.recordOutcomes(rows);
    if (isStart) this.#feed.publishRestored(heard);
    else for (const decision of heard) this.#feed.publish(decision);
    this.#failing.delete('');
    return confirmed;
  }

  async #evaluateOne(rule: BusinessRule, now: number): Promise<Decision[]> {
    try {
      const decisions = await evaluateRule(this.#options.store, rule, this.#settings, now);
      this.#failing.delete(rule.name);
      return decisions;
    } catch (error) {
      this.#warnOnce(rule.name, error);
      return expireSettings(rule, this.#settings, now);
    }
  }

  #warnOnce(rule: string, error: unknown): void {
    const what = rule === '' ? 'Business rules are' : `The business rule ${rule} is`;
    if (!this.#failing.has(rule))
      this.#options.log.warn(`${what} not evaluated: ${errorMessage(error)}`);
    this.#failing.add(rule);
  }

  /** What is told is stored, or safe in the spool, before: a restart in between decides nothing twice. */
  async #publish(decisions: readonly Decision[]): Promise<void> {
    if (decisions.length === 0) return;
    const { add, flush, log } = this.#options;
    add('rule_decisions', decisions.map(toDecisionRow));
    await flush().catch(() => {});
    for (const decision of decisions) {
      const { rule, reason, dryRun, status } = decision;
      const said = `rule ${rule} ${status}${dryRun ? ' (dry run)' : ''}: ${reason}`;
      if (status !== 'renewed') log.info(said, { property: decision.propertyId });
      this.#feed.publish(decision);
      if (!dryRun) this.#webhooks.send(decision, this.rules);
    }
  }
}

/** The beginning of the interval that `ms` lies in. */
function floorToInterval(ms: number, intervalMs: number): number {
  return Math.floor(ms / intervalMs) * intervalMs;
}
