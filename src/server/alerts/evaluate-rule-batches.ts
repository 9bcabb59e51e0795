import { mapLimit } from '../../core/concurrency.ts';
import { MINUTE_MS } from '../../core/duration.ts';
import type { Logger } from '../../core/log.ts';
import { ceilTo } from '../../storage/queries/time-range.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import type { AnomalyBands } from '../anomalies/anomaly-bands.ts';
import type { ForecastMonitor } from '../forecasts/forecast-monitor.ts';
import {
  type DataCompleteness,
  firesOnMissingRows,
  isDataComplete,
} from './evaluation/data-completeness.ts';
import type { Observation } from './evaluation/observation.ts';
import type { ObjectiveMonitor } from './objectives/objective-monitor.ts';
import type { InternalMetricsReader } from './rule-queries/internal-metrics.ts';
import { RuleQueryCache } from './rule-queries/rule-query-cache.ts';
import {
  groupRulesByRows,
  type InternalRule,
  isQueryRule,
  type QueryRule,
  queryRule,
  type RuleQueryResult,
  runRuleQuery,
} from './rule-queries/run-rule-query.ts';
import type { AlertRule } from './rules/alert-rule.ts';
import type { AlertStateStore } from './state/alert-state-store.ts';
import type { RuleHealthStore } from './state/rule-health-store.ts';

/** Rules that are queried together, or all rules about Perfscope itself. */
export type RuleBatch = readonly QueryRule[] | 'internal';

/** All rules, and the batches in which they are evaluated. */
export interface RulePlan {
  readonly batches: readonly RuleBatch[];
  readonly byName: ReadonlyMap<string, AlertRule>;
  readonly internalRules: readonly InternalRule[];
  readonly queryRules: readonly QueryRule[];
}

export function createRulePlan(rules: readonly AlertRule[]): RulePlan {
  const queryRules = rules.filter(isQueryRule);
  return {
    batches: [...groupRulesByRows(queryRules), 'internal'],
    byName: new Map(rules.map((rule) => [rule.name, rule])),
    internalRules: rules.filter((rule): rule is InternalRule => !isQueryRule(rule)),
    queryRules,
  };
}

/** Returns the number of rules. The internal rules count as one. */
export function countRules(batches: readonly RuleBatch[]): number {
  return batches.reduce((sum, batch) => sum + (batch === 'internal' ? 1 : batch.length), 0);
}

/** Limit on concurrent queries, so that connections are left for API requests. */
const MAX_CONCURRENT_QUERIES = 3;

export interface QueryRuleEvaluatorOptions {
  readonly queryClient: QueryClient;
  readonly alertStates: AlertStateStore;
  readonly ruleHealth: RuleHealthStore;
  readonly healthIntervalMs: number;
  /** Returns the regressions of deploys. */
  readonly queryDeploys: (metric: 'duration' | 'errors', now: number) => Promise<Observation[]>;
  readonly getCompleteness: () => DataCompleteness;
  readonly objectives: ObjectiveMonitor;
  readonly forecasts: ForecastMonitor;
  readonly bands: AnomalyBands;
  readonly log: Logger;
}

/** Evaluates rules that query QuestDB. No method rejects. */
export class QueryRuleEvaluator {
  readonly #options: QueryRuleEvaluatorOptions;

  constructor(options: QueryRuleEvaluatorOptions) {
    this.#options = options;
  }

  /**
   * Evaluates batches of rules.
   *
   * @param reachable whether QuestDB just responded. If not, no query is sent.
   */
  async evaluate(
    batches: readonly (readonly QueryRule[])[],
    now: number,
    reachable: boolean,
  ): Promise<void> {
    const database = { reachable };
    await mapLimit(batches, MAX_CONCURRENT_QUERIES, (rules) =>
      this.#evaluateBatch(rules, now, database),
    );
  }

  async #evaluateBatch(
    rules: readonly QueryRule[],
    now: number,
    database: { reachable: boolean },
  ): Promise<void> {
    const { queryClient, healthIntervalMs, objectives, forecasts, queryDeploys, bands } =
      this.#options;
    const measures = rules.flatMap(({ source }) => (source.kind === 'measure' ? [source] : []));
    const intervalMs = ceilTo(healthIntervalMs, MINUTE_MS);
    const cache = new RuleQueryCache(queryClient, now, intervalMs, measures);
    cache.bands = bands;
    cache.queryDeploys = (metric) => queryDeploys(metric, now);
    await Promise.all(
      rules.map(async (rule) => {
        const startMs = performance.now();
        const result: RuleQueryResult = database.reachable
          ? await runRuleQuery(queryClient, () => queryRule(rule, cache, objectives, forecasts))
          : { result: 'unreachable', error: 'QuestDB is unreachable' };
        // After the first query that can't reach QuestDB, the remaining queries are skipped.
        if (result.result === 'unreachable') database.reachable = false;
        this.#applyResult(rule, result, now, performance.now() - startMs);
      }),
    );
  }

  #applyResult(rule: QueryRule, result: RuleQueryResult, now: number, durationMs: number): void {
    const { alertStates, ruleHealth, getCompleteness, log } = this.#options;
    const { name } = rule;
    const hasSucceeded = result.result === 'succeeded';
    const isComplete = isDataComplete(getCompleteness(), rule, now);
    if (hasSucceeded && (isComplete || !firesOnMissingRows(rule))) {
      alertStates.evaluate(rule, result.observations, now, isComplete);
    }
    const error = hasSucceeded ? undefined : result.error;
    if (result.result === 'failed' && ruleHealth.get(name)?.error !== error) {
      log.warn(`Failed to evaluate alert rule ${name}: ${error}`);
    }
    const groups = hasSucceeded ? result.observations.length : 0;
    ruleHealth.record(name, result.result, { error, evaluatedMs: now, durationMs, groups });
  }
}

export interface InternalRulesOptions {
  readonly internalMetrics: InternalMetricsReader;
  readonly alertStates: AlertStateStore;
  readonly ruleHealth: RuleHealthStore;
  /** Whether QuestDB responds. */
  readonly isReachable: boolean;
}

/** Evaluates the rules about Perfscope itself. One input is the outcome of the other rules. */
export async function evaluateInternalRules(
  { internalMetrics, alertStates, ruleHealth, isReachable }: InternalRulesOptions,
  { internalRules, queryRules }: RulePlan,
  now: number,
): Promise<void> {
  const startMs = performance.now();
  const names = new Set(queryRules.map(({ name }) => name));
  const outcomes = ruleHealth.all.filter(({ rule }) => names.has(rule));
  const metrics = await internalMetrics.read(outcomes, now, isReachable);
  const durationMs = performance.now() - startMs;
  for (const rule of internalRules) {
    const observations = metrics[rule.source.metric];
    // Metrics that come from QuestDB are missing while QuestDB is unreachable.
    if (!observations) continue;
    alertStates.evaluate(rule, observations, now);
    const { length: groups } = observations;
    const details = { error: undefined, evaluatedMs: now, durationMs, groups };
    ruleHealth.record(rule.name, 'succeeded', details);
  }
}
