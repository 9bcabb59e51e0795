import { isExternalRule } from '../../core/alerts/external-alert.ts';
import { SerialQueue } from '../../core/concurrency.ts';
import { startTask } from '../../core/guard.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { AnomalyBands } from '../anomalies/anomaly-bands.ts';
import type { ForecastMonitor } from '../forecasts/forecast-monitor.ts';
import { AlertDispatcher, TransitionRecorder } from './alert-dispatcher.ts';
import type { AlertEvaluatorOptions } from './alert-evaluator-options.ts';
import { DeployAnalyzer } from './deploys/deploy-analyzer.ts';
import { DeployStore } from './deploys/deploy-store.ts';
import {
  countRules,
  createRulePlan,
  evaluateInternalRules,
  QueryRuleEvaluator,
  type RuleBatch,
  type RulePlan,
} from './evaluate-rule-batches.ts';
import type { Transition } from './evaluation/alert-transition.ts';
import type { DataCompleteness } from './evaluation/data-completeness.ts';
import { EvaluationScheduler } from './evaluation-scheduler.ts';
import { AlertExplainer } from './explanation/alert-explainer.ts';
import { ExternalAlertStore } from './external/external-alert-store.ts';
import { Heartbeat } from './heartbeat.ts';
import { IncidentTracker } from './incidents/incident-tracker.ts';
import { ObjectiveMonitor } from './objectives/objective-monitor.ts';
import { ObjectiveRecorder } from './objectives/objective-recorder.ts';
import {
  createForecastMonitor,
  explainForecastAlert,
} from './rule-queries/forecast-observations.ts';
import { InternalMetricsReader } from './rule-queries/internal-metrics.ts';
import type { AlertRule } from './rules/alert-rule.ts';
import { AlertRulesFile } from './rules/load-alert-rules.ts';
import { AlertStateRestorer } from './state/alert-state-restorer.ts';
import { AlertStateStore } from './state/alert-state-store.ts';
import { RuleHealthStore } from './state/rule-health-store.ts';
import { NotificationGate } from './suppression/notification-gate.ts';
import { SilenceStore } from './suppression/silence-store.ts';

const REFRESH_INTERVAL_MS = 3000;
const COMPLETE: DataCompleteness = { isReachable: true, lastDegradedMs: undefined };

/** Evaluates the rules periodically and keeps the alert states. No method rejects. */
export class AlertEvaluator {
  readonly now: () => number;
  readonly rulesFile: AlertRulesFile;
  readonly alertStates: AlertStateStore;
  readonly gate = new NotificationGate();
  readonly silences: SilenceStore;
  readonly recorder: TransitionRecorder;
  readonly ruleHealth = new RuleHealthStore();
  readonly heartbeat: Heartbeat;
  readonly incidents: IncidentTracker;
  readonly objectives: ObjectiveMonitor;
  readonly forecasts: ForecastMonitor;
  readonly #objectiveRecorder: ObjectiveRecorder;
  readonly bands: AnomalyBands;
  readonly deploys: DeployStore;
  readonly deployAnalyzer: DeployAnalyzer;
  /** Alerts that Prometheus and other systems send. */
  readonly externalAlerts: ExternalAlertStore;
  readonly #internalMetrics: InternalMetricsReader;
  readonly #explainer: AlertExplainer;
  readonly #stateRestorer: AlertStateRestorer;
  readonly #dispatcher: AlertDispatcher;
  readonly #queryRules: QueryRuleEvaluator;
  readonly #queue: SerialQueue;
  readonly #getCompleteness: () => DataCompleteness;
  #plan: RulePlan;
  #scheduler: EvaluationScheduler | undefined;
  #refreshTimer: NodeJS.Timeout | undefined;
  #lateEvaluationCount = 0;
  /** Collects the transitions of the evaluation that `runOnce` started. */
  #runTransitions: Transition[] | undefined;

  constructor(options: AlertEvaluatorOptions) {
    const {
      queryClient,
      add,
      flush,
      pipelineStats,
      log,
      healthIntervalMs,
      getCompleteness = () => COMPLETE,
      now = Date.now,
    } = options;
    this.#getCompleteness = getCompleteness;
    this.now = now;
    const startedMs = now();
    this.rulesFile = new AlertRulesFile(options.settings, options.rulesFile, log, startedMs);
    this.recorder = new TransitionRecorder({ add, flush, log });
    this.heartbeat = new Heartbeat(options.heartbeatUrl, log);
    this.silences = new SilenceStore(queryClient, add, flush, log);
    this.bands = new AnomalyBands({ ...options, now });
    this.bands.setHolidays(this.rulesFile.ruleSet.holidays);
    this.deploys = new DeployStore(queryClient, add, flush);
    this.deployAnalyzer = new DeployAnalyzer({ queryClient, store: this.deploys, log });
    this.alertStates = new AlertStateStore((transition, before) => {
      if (this.#dispatcher.handleTransition(transition, before))
        this.#runTransitions?.push(transition);
    });
    const shared = { queryClient, healthIntervalMs, add, flush, log };
    this.incidents = new IncidentTracker({ ...shared, deploys: this.deploys });
    this.objectives = new ObjectiveMonitor({
      queryClient,
      getObjectives: () => this.rulesFile.ruleSet.objectives,
      healthIntervalMs,
      log,
    });
    this.#objectiveRecorder = new ObjectiveRecorder(this.objectives, add);
    this.forecasts = createForecastMonitor(options, () => this.rulesFile.ruleSet.rules);
    this.externalAlerts = new ExternalAlertStore({
      alertStates: this.alertStates,
      isRestored: () => this.isRestored,
      now,
      log,
    });
    this.#internalMetrics = new InternalMetricsReader(queryClient, pipelineStats);
    this.#explainer = new AlertExplainer(
      queryClient,
      (id, cause) => this.alertStates.addExplanation(id, cause),
      (labels, at) => explainForecastAlert(this.forecasts, labels, at),
    );
    const { alertStates, ruleHealth, recorder, gate, silences, rulesFile, incidents } = this;
    this.#stateRestorer = new AlertStateRestorer({
      queryClient,
      alertStates,
      service: () => pipelineStats().service,
      startedMs,
      healthIntervalMs,
      log,
      onPastTransition: (past) => this.#dispatcher.restoreTransition(past),
    });
    this.#queryRules = new QueryRuleEvaluator({
      queryClient,
      alertStates,
      ruleHealth,
      healthIntervalMs,
      queryDeploys: (metric, at) => this.deployAnalyzer.query(metric, at),
      getCompleteness,
      objectives: this.objectives,
      forecasts: this.forecasts,
      bands: this.bands,
      log,
    });
    this.#queue = new SerialQueue((error) => {
      log.error(`Failed to evaluate alert rules: ${errorMessage(error)}`);
    });
    this.#plan = createRulePlan(this.rulesFile.ruleSet.rules);
    this.#dispatcher = new AlertDispatcher({
      incidents,
      recorder,
      gate,
      silences,
      explainer: this.#explainer,
      getRuleSet: () => rulesFile.ruleSet,
      findRule: (name) => this.findRule(name),
      notify: options.notify ?? (() => {}),
      onEvaluated: options.onEvaluated ?? (() => {}),
    });
  }

  /** Starts evaluating. Stored alert states are read as soon as QuestDB responds. */
  start(): void {
    this.#reschedule();
    this.#refreshTimer = setInterval(
      () => void this.#queue.enqueue(() => this.#refresh()),
      REFRESH_INTERVAL_MS,
    ).unref();
  }

  /** Stops after the current evaluation. */
  async stop(): Promise<void> {
    this.#scheduler?.stop();
    clearInterval(this.#refreshTimer);
    this.#refreshTimer = undefined;
    await this.#queue.whenIdle;
    await this.#explainer.whenIdle();
    await this.incidents.whenIdle();
  }

  /**
   * Evaluates all rules once.
   *
   * @returns the transitions, with their explanations
   */
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
    await this.incidents.whenIdle();
    return transitions.map((transition) => {
      const latest = this.alertStates.find(transition.id)?.transition;
      return latest?.seq === transition.seq ? latest : transition;
    });
  }

  /**
   * Evaluates the rules about Perfscope itself, for example when QuestDB stops responding. Does nothing
   * unless the evaluator is running.
   */
  async evaluateInternalRules(): Promise<void> {
    if (!this.#refreshTimer) return;
    await this.#queue.enqueue(() => this.#evaluate(['internal'], this.now(), this.now));
  }

  findRule(name: string): AlertRule | undefined {
    return this.#plan.byName.get(name);
  }

  /** Number of rule evaluations that were late since the process started. */
  get lateEvaluationCount(): number {
    return this.#lateEvaluationCount;
  }

  /** Whether the stored alert states have been read. */
  get isRestored(): boolean {
    return this.#stateRestorer.isDone;
  }

  #reschedule(): void {
    this.#scheduler?.stop();
    const { batches } = this.#plan;
    this.#scheduler = new EvaluationScheduler({
      intervalMs: this.rulesFile.ruleSet.intervalMs,
      batchCount: batches.length,
      now: this.now,
      run: (from, to) =>
        this.#queue.enqueue(async () => {
          const now = this.now();
          await this.#evaluate(batches.slice(from, to), now, this.now);
          if (to === batches.length) startTask('the heartbeat', () => this.heartbeat.send(now));
        }),
      onLate: (from, to) => {
        const count = countRules(batches.slice(from, to));
        this.#lateEvaluationCount += count;
        this.#internalMetrics.recordLateEvaluations(count, this.now());
      },
    });
  }

  /** Reads changed rules and silences, and sends the alerts that are due. */
  async #refresh(now: number = this.now()): Promise<void> {
    if (this.rulesFile.refresh(now)) {
      this.#plan = createRulePlan(this.rulesFile.ruleSet.rules);
      this.bands.setHolidays(this.rulesFile.ruleSet.holidays);
      this.ruleHealth.retainOnly(new Set(this.#plan.byName.keys()));
      this.#removeDeletedRules(now);
      if (this.#scheduler) this.#reschedule();
    }
    if (!this.isRestored) return;
    this.externalAlerts.expire(now);
    await this.silences.refresh(now).catch(() => {});
    await this.#dispatch(now);
    this.#explainer.retry(now);
  }

  /** Groups the live alerts into incidents, and sends the alerts that are due. */
  async #dispatch(now: number): Promise<void> {
    const { incidents, gate, alertStates } = this;
    const alerts = this.#dispatcher.listIncidentAlerts(alertStates.listLive());
    await incidents.update(alerts, gate.waitingIncidents, now);
    this.#dispatcher.dispatch(alertStates.listLive(), now);
  }

  #removeDeletedRules(now: number): void {
    for (const name of this.alertStates.ruleNames)
      if (!this.findRule(name) && !isExternalRule(name)) this.alertStates.removeRule(name, now);
  }

  /** @param getSendMs time of sending. A silence that was created during the queries already applies. */
  async #evaluate(
    batches: readonly RuleBatch[],
    now: number,
    getSendMs: () => number = () => now,
  ): Promise<void> {
    const queryBatches = batches.filter((batch) => batch !== 'internal');
    const reachable = queryBatches.length === 0 || (await this.#restoreStates(now));
    await this.#queryRules.evaluate(queryBatches, now, reachable);
    if (reachable && queryBatches.length > 0) await this.#recordObjectives(now);
    if (batches.includes('internal')) {
      const { alertStates, ruleHealth } = this;
      const { isReachable } = this.#getCompleteness();
      await evaluateInternalRules(
        { internalMetrics: this.#internalMetrics, alertStates, ruleHealth, isReachable },
        this.#plan,
        now,
      );
    }
    await this.#dispatch(getSendMs());
  }

  /** Updates the error budgets, even if no rule alerts on them. */
  async #recordObjectives(now: number): Promise<void> {
    try {
      await this.objectives.refresh(now);
      this.#objectiveRecorder.record(this.rulesFile.ruleSet.objectives);
    } catch {
      // The burn-rate rules report the reason.
    }
  }

  /**
   * Reads the stored alert states, unless they have already been read.
   *
   * @returns whether the states are known
   */
  async #restoreStates(now: number): Promise<boolean> {
    const wasRestored = this.isRestored;
    // Flapping ends at fewer changes than are needed to start it, so it might have started one
    // window earlier.
    const historyMs = 2 * this.rulesFile.ruleSet.flapping.windowMs;
    // Without the stored incidents, restored alerts would start new incidents.
    if (!(await this.incidents.restore(now))) return false;
    const isRestored = await this.#stateRestorer.restore(this.#plan.queryRules, now, historyMs);
    if (isRestored && !wasRestored) {
      this.#removeDeletedRules(now);
      await this.silences.refresh(now).catch(() => {});
    }
    return isRestored;
  }
}
