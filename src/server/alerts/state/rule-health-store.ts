import type { Observation } from '../evaluation/observation.ts';
import type { InternalMetric } from '../rules/rule-aggregates.ts';

/** The last evaluation of a rule. Times are in ms. */
export interface RuleHealth extends RuleOutcome {
  readonly error: string | undefined;
  readonly evaluatedMs: number;
  readonly durationMs: number;
  readonly groups: number;
}

/** Keeps the last evaluation of each rule, and counts evaluations. */
export class RuleHealthStore {
  readonly #last = new Map<string, RuleHealth>();
  evaluationCount = 0;
  failureCount = 0;

  record(
    rule: string,
    result: RuleOutcome['result'],
    details: Omit<RuleHealth, 'rule' | 'result' | 'failures'>,
  ): void {
    const before = this.#last.get(rule)?.failures ?? 0;
    // If QuestDB is unreachable, the rule itself might be fine, so the count doesn't change.
    const failures = result === 'failed' ? before + 1 : result === 'succeeded' ? 0 : before;
    this.evaluationCount += 1;
    if (result !== 'succeeded') this.failureCount += 1;
    this.#last.set(rule, { rule, result, failures, ...details });
  }

  get(rule: string): RuleHealth | undefined {
    return this.#last.get(rule);
  }

  get all(): readonly RuleHealth[] {
    return [...this.#last.values()];
  }

  /** Removes all other rules. */
  retainOnly(names: ReadonlySet<string>): void {
    for (const name of this.#last.keys()) if (!names.has(name)) this.#last.delete(name);
  }
}

/** The outcome of a rule's query. */
export interface RuleOutcome {
  readonly rule: string;
  readonly result: 'succeeded' | 'failed' | 'unreachable';
  /** Number of failures in a row, including this one. 0 after a success. */
  readonly failures: number;
}

/**
 * Converts the outcomes of all rules to observations of internal metrics. An unreachable QuestDB
 * causes a single alert instead of one alert per rule: while QuestDB is unreachable, rules aren't
 * evaluated, and their states don't change.
 */
export function observeRuleHealth(
  outcomes: readonly RuleOutcome[],
  now: number,
  isReachable = true,
): Pick<
  Readonly<Record<InternalMetric, readonly Observation[]>>,
  'database_unavailable' | 'rule_failures'
> & {
  readonly unavailable: boolean;
} {
  const isReached = outcomes.some(({ result }) => result !== 'unreachable');
  const unavailable = !isReachable || (outcomes.length > 0 && !isReached);
  const observed = (labels: Observation['labels'], value: number): Observation => ({
    labels,
    value,
    count: 1,
    newestMs: now,
  });
  return {
    unavailable,
    database_unavailable: [observed({}, unavailable ? 1 : 0)],
    rule_failures: outcomes
      .filter(({ result }) => result !== 'unreachable')
      .map(({ rule, failures }) => observed({ failed_rule: rule }, failures)),
  };
}
