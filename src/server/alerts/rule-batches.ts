import { mapLimit } from '../../core/concurrency.ts';
import type { Logger } from '../../core/log.ts';
import { ceilTo, MINUTE_MS } from '../../storage/queries/query-range.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
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

/** Rules that are asked together, or all those about Perfscope itself. */
export type RuleBatch = readonly QueryRule[] | 'internal';

/** The rules that run, in the parts in which they are evaluated. */
export interface RulePlan {
  readonly batches: readonly RuleBatch[];
  readonly byName: ReadonlyMap<string, AlertRule>;
  readonly internalRules: readonly InternalRule[];
  readonly queryRules: readonly QueryRule[];
}

export function createRulePlan(rules: readonly AlertRule[]): RulePlan {
  const stored = rules.filter(isQueryRule);
  return {
    batches: [...groupRulesByRows(stored), 'internal'],
    byName: new Map(rules.map((rule) => [rule.name, rule])),
    internalRules: rules.filter((rule): rule is InternalRule => !isQueryRule(rule)),
    queryRules: stored,
  };
}

export function countRules(parts: readonly RuleBatch[]): number {
  return parts.reduce((sum, part) => sum + (part === 'internal' ? 1 : part.length), 0);
}

/** Questions at once; the API's readers want some of the connections too. */
const MAX_CONCURRENT_QUERIES = 3;

export interface QueryRuleEvaluatorOptions {
  readonly queryClient: QueryClient;
  readonly alertStates: AlertStateStore;
  readonly ruleHealth: RuleHealthStore;
  readonly healthIntervalMs: number;
  readonly log: Logger;
}

/** Evaluates rules whose figures are in the database. Nothing here rejects. */
export class QueryRuleEvaluator {
  readonly #options: QueryRuleEvaluatorOptions;

  constructor(options: QueryRuleEvaluatorOptions) {
    this.#options = options;
  }

  /** @param reachable whether the database has just answered; if not, it is not asked in vain */
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
    const { queryClient: store, healthIntervalMs } = this.#options;
    const measures = rules.flatMap(({ source }) => (source.kind === 'measure' ? [source] : []));
    const round = new RuleQueryCache(store, now, ceilTo(healthIntervalMs, MINUTE_MS), measures);
    await Promise.all(
      rules.map(async (rule) => {
        const startMs = performance.now();
        const asked: RuleQueryResult = database.reachable
          ? await runRuleQuery(store, () => queryRule(rule, round))
          : { result: 'unreachable', error: 'QuestDB does not answer' };
        // After the first question that finds no database, no other is asked in vain.
        if (asked.result === 'unreachable') database.reachable = false;
        this.#applyResult(rule, asked, now, performance.now() - startMs);
      }),
    );
  }

  #applyResult(rule: QueryRule, asked: RuleQueryResult, now: number, durationMs: number): void {
    const { alertStates: book, ruleHealth: health, log } = this.#options;
    const { name } = rule;
    const answered = asked.result === 'answered';
    if (answered) book.evaluate(rule, asked.observations, now);
    const error = answered ? undefined : asked.error;
    if (asked.result === 'failed' && health.get(name)?.error !== error) {
      log.warn(`The rule ${name} could not be evaluated: ${error}`);
    }
    const groups = answered ? asked.observations.length : 0;
    health.record(name, asked.result, { error, evaluatedMs: now, durationMs, groups });
  }
}

export interface InternalRulesOptions {
  readonly internalMetrics: InternalMetricsReader;
  readonly alertStates: AlertStateStore;
  readonly ruleHealth: RuleHealthStore;
}

/** Evaluates the rules about Perfscope itself, by how the others went among other things. */
export async function evaluateInternalRules(
  { internalMetrics: watch, alertStates: book, ruleHealth: health }: InternalRulesOptions,
  { internalRules: internal, queryRules: stored }: RulePlan,
  now: number,
): Promise<void> {
  const startMs = performance.now();
  const asked = new Set(stored.map(({ name }) => name));
  const figures = await watch.read(
    health.all.filter(({ rule }) => asked.has(rule)),
    now,
  );
  const durationMs = performance.now() - startMs;
  for (const rule of internal) {
    const observations = figures[rule.source.metric];
    // What only the database knows stays as it is while that is away.
    if (!observations) continue;
    book.evaluate(rule, observations, now);
    const { length: groups } = observations;
    const more = { error: undefined, evaluatedMs: now, durationMs, groups };
    health.record(rule.name, 'answered', more);
  }
}
