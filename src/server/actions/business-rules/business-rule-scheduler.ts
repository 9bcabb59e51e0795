import { WatchedFile, type WatchedFileStatus } from '../../../core/config-files/watched-file.ts';
import { startTimeout } from '../../../core/guarded-timers.ts';
import type { Logger } from '../../../core/log.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import { isVisibleInScope, type TenantScope } from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { BusinessRule } from './business-rule.ts';
import type { Decision } from './decide-setting.ts';
import { DecisionFeed } from './decision-feed.ts';
import { DecisionWebhooks, type PostWebhook } from './decision-webhooks.ts';
import { evaluateBusinessRule, expireSettings } from './evaluate-business-rule.ts';
import {
  type BusinessRules,
  loadBusinessRules,
  NO_RULES,
  type WebhookUrlValidator,
} from './load-business-rules.ts';
import { SettingStore } from './setting-store.ts';
import { DecisionRestorer, toDecisionRow, toOutcomeRow } from './stored-decisions.ts';

export interface BusinessRuleSchedulerOptions {
  readonly queryClient: QueryClient;
  readonly add: AddRows;
  /** Resolves when all added rows are stored in QuestDB. */
  readonly flush: () => Promise<void>;
  /** The file with the business rules. It is reloaded when it changes. */
  readonly path: string | undefined;
  readonly validateWebhookUrl: WebhookUrlValidator;
  readonly post: PostWebhook;
  readonly log: Logger;
  readonly now?: () => number;
}

const INVALID_FILE_CODE = 'PS_BUSINESS_RULES_INVALID';

/**
 * Evaluates business rules at an interval and publishes their decisions. Several servers can share
 * the same file: each server reads the others' decisions before it decides. Decisions made at the
 * same moment have the same keys, so they become one row and one message. A server without a file
 * publishes the other servers' decisions. The methods never reject.
 */
export class BusinessRuleScheduler {
  readonly #options: BusinessRuleSchedulerOptions;
  readonly #file: WatchedFile<BusinessRules>;
  readonly #settings = new SettingStore();
  readonly #feed = new DecisionFeed();
  readonly #restorer: DecisionRestorer;
  readonly #webhooks: DecisionWebhooks;
  readonly now: () => number;
  /** Names of the rules whose last evaluation failed. '' stands for all rules. */
  readonly #failing = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #lastRun: Promise<unknown> = Promise.resolve();

  constructor(options: BusinessRuleSchedulerOptions) {
    const { path, validateWebhookUrl, log, post, now = Date.now } = options;
    this.#options = options;
    this.now = now;
    this.#file = new WatchedFile<BusinessRules>(
      {
        path,
        initial: NO_RULES,
        log,
        code: INVALID_FILE_CODE,
        load: (file) => loadBusinessRules(file, validateWebhookUrl),
        formatLoadedMessage: ({ rules }, file) =>
          `Loaded ${rules.length} business rules from ${file}.`,
      },
      now(),
    );
    this.#restorer = new DecisionRestorer(options.queryClient, options.flush);
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

  /** Whether decisions from before startup have been loaded. */
  get isRestored(): boolean {
    return this.#restorer.isDone;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Waits for the current evaluation and the current webhook attempts. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#lastRun;
    await this.#webhooks.stop();
  }

  /** Evaluates all rules once, after the current evaluation. @returns the stored decisions */
  runOnce(now: number = this.now()): Promise<readonly Decision[]> {
    const run = this.#lastRun.then(() => this.#evaluateAll(now));
    this.#lastRun = run;
    return run;
  }

  /** Returns the decisions that have not expired, without dry runs. */
  getActiveDecisions(now: number = this.now()): Decision[] {
    return [...this.#settings.lastDecisions()].filter(
      ({ expiresAt = 0, dryRun }) => expiresAt > now && !dryRun,
    );
  }

  /**
   * Sends buffered decisions after `position`, then each new decision.
   *
   * @returns a function that unsubscribes
   */
  subscribe(
    position: string | undefined,
    listener: (decision: Decision, position: string) => void,
  ): () => void {
    return this.#feed.subscribe(position, listener);
  }

  /** Returns the position for a new subscriber with `scope`. */
  getPosition(scope: TenantScope): string {
    return this.#feed.getPosition(this.now(), (decision) => isVisibleInScope(decision, scope));
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    const run = async () => {
      try {
        await this.runOnce();
      } finally {
        this.#schedule(this.#computeDelayMs());
      }
    };
    this.#timer = startTimeout('the evaluation of business rules', run, delayMs);
  }

  /**
   * Returns the delay until a random moment in the first half of the next interval, so that servers
   * rarely evaluate at the same moment.
   */
  #computeDelayMs(): number {
    const { intervalMs } = this.rules;
    const now = this.now();
    return floorToInterval(now, intervalMs) + intervalMs - now + (Math.random() * intervalMs) / 2;
  }

  async #evaluateAll(startedMs: number): Promise<readonly Decision[]> {
    this.#file.refresh(startedMs);
    const { rules, intervalMs } = this.rules;
    // All servers use the same time, so their decisions have the same keys.
    const now = floorToInterval(startedMs, intervalMs);
    const isStart = !this.isRestored;
    const decisions: Decision[] = [];
    try {
      decisions.push(...(await this.#mergeStored(now)));
      // An invalid file changes nothing. Without a file, the other servers decide.
      const { file, problems } = this.status;
      const isFileValid = file !== undefined && problems.length === 0;
      if (isFileValid) decisions.push(...this.#settings.resetRemovedRules(rules, now));
      for (const rule of rules) decisions.push(...(await this.#evaluateOne(rule, now)));
    } catch (error) {
      // Without the stored decisions, a new decision could repeat an existing decision.
      this.#warnOnce('', error);
      for (const rule of rules) decisions.push(...expireSettings(rule, this.#settings, now));
    }
    await this.#publish(decisions);
    if (this.isRestored)
      this.#webhooks.sendPending(this.#settings.lastDecisions(), this.rules, now, { isStart });
    return decisions;
  }

  /** Applies the stored decisions. @returns the decisions to publish again @throws PS_UNAVAILABLE */
  async #mergeStored(now: number): Promise<readonly Decision[]> {
    const isStart = !this.isRestored;
    const lookbacksMs = this.rules.rules.map(({ limits, expiresAfterMs }) =>
      Math.max(limits.perMs, 2 * expiresAfterMs),
    );
    const rows = await this.#restorer.readDecisions(now, Math.max(0, ...lookbacksMs));
    const { received, confirmed } = this.#settings.merge(rows, now);
    this.#webhooks.recordOutcomes(rows);
    if (isStart) this.#feed.publishRestored(received);
    else for (const decision of received) this.#feed.publish(decision);
    this.#failing.delete('');
    return confirmed;
  }

  async #evaluateOne(rule: BusinessRule, now: number): Promise<Decision[]> {
    try {
      const decisions = await evaluateBusinessRule(
        this.#options.queryClient,
        rule,
        this.#settings,
        now,
      );
      this.#failing.delete(rule.name);
      return decisions;
    } catch (error) {
      this.#warnOnce(rule.name, error);
      return expireSettings(rule, this.#settings, now);
    }
  }

  #warnOnce(rule: string, error: unknown): void {
    const subject = rule === '' ? 'business rules' : `business rule ${rule}`;
    if (!this.#failing.has(rule))
      this.#options.log.warn(`Failed to evaluate ${subject}: ${errorMessage(error)}`);
    this.#failing.add(rule);
  }

  /**
   * Stores decisions in QuestDB or the spool before publishing them, so that a restart can't repeat
   * them.
   */
  async #publish(decisions: readonly Decision[]): Promise<void> {
    if (decisions.length === 0) return;
    const { add, flush, log } = this.#options;
    add('rule_decisions', decisions.map(toDecisionRow));
    await flush().catch(() => {});
    for (const decision of decisions) {
      const { rule, reason, dryRun, status } = decision;
      const message = `Rule ${rule} ${status}${dryRun ? ' (dry run)' : ''}: ${reason}`;
      if (status !== 'renewed') log.info(message, { property: decision.propertyId });
      this.#feed.publish(decision);
      if (!dryRun) this.#webhooks.send(decision, this.rules);
    }
  }
}

/** Returns the start of the interval that contains `ms`. */
function floorToInterval(ms: number, intervalMs: number): number {
  return Math.floor(ms / intervalMs) * intervalMs;
}
