import type { AlertGroup } from '../../core/alerts/alert.ts';
import { SerialQueue } from '../../core/concurrency.ts';
import { errorMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import {
  AlertDispatcher,
  type AlertDispatcherOptions,
  TransitionRecorder,
} from './alert-dispatcher.ts';
import type { Transition } from './evaluation/alert-transition.ts';
import { EvaluationScheduler } from './evaluation-scheduler.ts';
import { AlertExplainer } from './explanation/alert-explainer.ts';
import { Heartbeat } from './heartbeat.ts';
import {
  countRules,
  createRulePlan,
  evaluateInternalRules,
  QueryRuleEvaluator,
  type RuleBatch,
  type RulePlan,
} from './rule-batches.ts';
import { InternalMetricsReader, type PipelineStats } from './rule-queries/internal-metrics.ts';
import type { AlertRule } from './rules/alert-rule.ts';
import { AlertRulesFile } from './rules/load-alert-rules.ts';
import type { ThresholdSettings } from './rules/rule-sources.ts';
import { AlertStateRestorer } from './state/alert-state-restorer.ts';
import { AlertStateStore } from './state/alert-state-store.ts';
import { RuleHealthStore } from './state/rule-health-store.ts';
import { NotificationGate } from './suppression/notification-gate.ts';
import { SilenceStore } from './suppression/silence-store.ts';

const REFRESH_INTERVAL_MS = 3000;

export interface AlertEvaluatorOptions {
  readonly queryClient: QueryClient;
  readonly add: AddRows;
  /** Sends what was added. */
  readonly flush: () => Promise<void>;
  readonly pipelineStats: () => PipelineStats;
  readonly settings: ThresholdSettings;
  /** The user's rules, read again when they change. */
  readonly rulesFile?: string | undefined;
  readonly heartbeatUrl?: string | undefined;
  /** How often services report their health, in ms. */
  readonly healthIntervalMs: number;
  readonly log: Logger;
  /** Whom to tell of what is not held back. */
  readonly notify?: (telling: AlertGroup) => void;
  /** Hears after each look at all alerts why they are, or are not, told now. */
  readonly onEvaluated?: AlertDispatcherOptions['onEvaluated'];
  readonly now?: () => number;
}

/** Evaluates the rules again and again, and keeps what is known of alerts. Nothing here rejects. */
export class AlertEvaluator {
  readonly now: () => number;
  readonly rulesFile: AlertRulesFile;
  readonly alertStates: AlertStateStore;
  readonly gate = new NotificationGate();
  readonly silences: SilenceStore;
  readonly recorder: TransitionRecorder;
  readonly ruleHealth = new RuleHealthStore();
  readonly heartbeat: Heartbeat;
  readonly #internalMetrics: InternalMetricsReader;
  readonly #explainer: AlertExplainer;
  readonly #stateRestorer: AlertStateRestorer;
  readonly #dispatcher: AlertDispatcher;
  readonly #queryRules: QueryRuleEvaluator;
  readonly #queue: SerialQueue;
  #plan: RulePlan;
  #scheduler: EvaluationScheduler | undefined;
  #refreshTimer: NodeJS.Timeout | undefined;
  #lateEvaluationCount = 0;
  /** Transitions of the round that somebody waits for. */
  #runTransitions: Transition[] | undefined;

  constructor(options: AlertEvaluatorOptions) {
    const {
      queryClient: store,
      add,
      flush,
      pipelineStats: road,
      log,
      healthIntervalMs,
      now = Date.now,
    } = options;
    this.now = now;
    const startedMs = now();
    this.rulesFile = new AlertRulesFile(options.settings, options.rulesFile, log, startedMs);
    this.recorder = new TransitionRecorder({ add, flush, log });
    this.heartbeat = new Heartbeat(options.heartbeatUrl, log);
    this.silences = new SilenceStore(store, add, flush);
    this.alertStates = new AlertStateStore((transition, before) => {
      if (this.#dispatcher.handleTransition(transition, before))
        this.#runTransitions?.push(transition);
    });
    this.#internalMetrics = new InternalMetricsReader(store, road);
    this.#explainer = new AlertExplainer(store, (id, cause) =>
      this.alertStates.addExplanation(id, cause),
    );
    const { alertStates: book, ruleHealth: health } = this;
    const service = () => road().service;
    this.#stateRestorer = new AlertStateRestorer({
      queryClient: store,
      alertStates: book,
      service,
      startedMs,
      healthIntervalMs,
      log,
      onPastTransition: (past) => this.#dispatcher.restoreTransition(past),
    });
    this.#queryRules = new QueryRuleEvaluator({
      queryClient: store,
      alertStates: book,
      ruleHealth: health,
      healthIntervalMs,
      log,
    });
    this.#queue = new SerialQueue((error) => {
      log.error(`Evaluating alert rules failed: ${errorMessage(error)}`);
    });
    this.#plan = createRulePlan(this.rulesFile.ruleSet.rules);
    const { recorder: journal, gate: quiet, silences, rulesFile: rules } = this;
    this.#dispatcher = new AlertDispatcher({
      recorder: journal,
      gate: quiet,
      silences,
      explainer: this.#explainer,
      getRuleSet: () => rules.ruleSet,
      findRule: (name) => this.ruleNamed(name),
      notify: options.notify ?? (() => {}),
      onEvaluated: options.onEvaluated ?? (() => {}),
    });
  }

  /** Begins. What is known from before is read as soon as the database answers. */
  start(): void {
    this.#reschedule();
    this.#refreshTimer = setInterval(
      () => void this.#queue.enqueue(() => this.#refresh()),
      REFRESH_INTERVAL_MS,
    ).unref();
  }

  /** Ends after the evaluation that is under way. */
  async stop(): Promise<void> {
    this.#scheduler?.stop();
    clearInterval(this.#refreshTimer);
    await this.#queue.whenIdle;
    await this.#explainer.whenIdle();
  }

  /** Evaluates all rules once. @returns the transitions, explained */
  async runOnce(now: number = this.now()): Promise<readonly Transition[]> {
    const transitions: Transition[] = [];
    await this.#queue.enqueue(async () => {
      this.#runTransitions = transitions;
      await this.#refresh(now);
      await this.#evaluate(this.#plan.batches, now);
      await this.heartbeat.send(now);
      this.#runTransitions = undefined;
    });
    await this.#explainer.whenIdle();
    return transitions.map((told) => {
      const latest = this.alertStates.find(told.id)?.transition;
      return latest?.seq === told.seq ? latest : told;
    });
  }

  ruleNamed(name: string): AlertRule | undefined {
    return this.#plan.byName.get(name);
  }

  /** Since the start. */
  get lateEvaluationCount(): number {
    return this.#lateEvaluationCount;
  }

  /** Whether what is known from before the start has been read. */
  get isRestored(): boolean {
    return this.#stateRestorer.isDone;
  }

  #reschedule(): void {
    this.#scheduler?.stop();
    const { batches: parts } = this.#plan;
    this.#scheduler = new EvaluationScheduler({
      intervalMs: this.rulesFile.ruleSet.intervalMs,
      batchCount: parts.length,
      now: this.now,
      run: (from, to) =>
        this.#queue.enqueue(async () => {
          const now = this.now();
          await this.#evaluate(parts.slice(from, to), now);
          if (to === parts.length) void this.heartbeat.send(now);
        }),
      onLate: (from, to) => {
        const rules = countRules(parts.slice(from, to));
        this.#lateEvaluationCount += rules;
        this.#internalMetrics.recordLateEvaluations(rules, this.now());
      },
    });
  }

  /** What changes between evaluations: the rules, and the silences. */
  async #refresh(now: number = this.now()): Promise<void> {
    if (this.rulesFile.refresh(now)) {
      this.#plan = createRulePlan(this.rulesFile.ruleSet.rules);
      this.ruleHealth.retainOnly(new Set(this.#plan.byName.keys()));
      this.#removeDeletedRules(now);
      if (this.#scheduler) this.#reschedule();
    }
    if (!this.isRestored) return;
    await this.silences.refresh(now).catch(() => {});
    this.#dispatcher.dispatch(this.alertStates.listLive(), now);
  }

  #removeDeletedRules(now: number): void {
    for (const name of this.alertStates.ruleNames)
      if (!this.ruleNamed(name)) this.alertStates.removeRule(name, now);
  }

  async #evaluate(parts: readonly RuleBatch[], now: number): Promise<void> {
    const batches = parts.filter((part) => part !== 'internal');
    const reachable = batches.length === 0 || (await this.#restoreStates(now));
    await this.#queryRules.evaluate(batches, now, reachable);
    if (parts.includes('internal')) {
      const { alertStates: book, ruleHealth: health } = this;
      await evaluateInternalRules(
        { internalMetrics: this.#internalMetrics, alertStates: book, ruleHealth: health },
        this.#plan,
        now,
      );
    }
    this.#dispatcher.dispatch(this.alertStates.listLive(), now);
  }

  /** @returns whether it is known what was before the start */
  async #restoreStates(now: number): Promise<boolean> {
    const wasKnown = this.isRestored;
    // What flaps goes on with fewer changes in its window than it began with in an earlier one.
    const historyMs = 2 * this.rulesFile.ruleSet.flapping.windowMs;
    const isKnown = await this.#stateRestorer.restore(this.#plan.queryRules, now, historyMs);
    if (isKnown && !wasKnown) {
      this.#removeDeletedRules(now);
      await this.silences.refresh(now).catch(() => {});
    }
    return isKnown;
  }
}
