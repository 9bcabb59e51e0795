import type { Observation } from '../evaluation/observation.ts';
import type { InternalMetric } from '../rules/rule-aggregates.ts';

/** How the last evaluation of a rule went. Times in ms. */
export interface RuleHealth extends RuleOutcome {
  readonly error: string | undefined;
  readonly evaluatedMs: number;
  readonly durationMs: number;
  readonly groups: number;
}

/** The last evaluation of each rule, and how many there were. */
export class RuleHealthStore {
  readonly #last = new Map<string, RuleHealth>();
  evaluationCount = 0;
  failureCount = 0;

  record(
    rule: string,
    result: RuleOutcome['result'],
    more: Omit<RuleHealth, 'rule' | 'result' | 'failures'>,
  ): void {
    const before = this.#last.get(rule)?.failures ?? 0;
    // While the database is away nothing new is known of the rule itself.
    const failures = result === 'failed' ? before + 1 : result === 'answered' ? 0 : before;
    this.evaluationCount += 1;
    if (result !== 'answered') this.failureCount += 1;
    this.#last.set(rule, { rule, result, failures, ...more });
  }

  get(rule: string): RuleHealth | undefined {
    return this.#last.get(rule);
  }

  get all(): readonly RuleHealth[] {
    return [...this.#last.values()];
  }

  /** Forgets rules that are no more. */
  retainOnly(names: ReadonlySet<string>): void {
    for (const name of this.#last.keys()) if (!names.has(name)) this.#last.delete(name);
  }
}

/** How the query of one rule went. */
export interface RuleOutcome {
  readonly rule: string;
  readonly result: 'answered' | 'failed' | 'unreachable';
  /** Failures in a row, this one included; 0 after an answer. */
  readonly failures: number;
}

/**
 * What the outcomes of a round say of the evaluation itself, as observations of the internal
 * figures. A database that is away is one alert of its own, not one for each rule: while it is,
 * nothing new is said of single rules, and none of them is evaluated, so that all states stay.
 */
export function observeRuleHealth(
  outcomes: readonly RuleOutcome[],
  now: number,
): Pick<
  Readonly<Record<InternalMetric, readonly Observation[]>>,
  'database_unavailable' | 'rule_failures'
> & {
  readonly unavailable: boolean;
} {
  const reached = outcomes.some(({ result }) => result !== 'unreachable');
  const unavailable = outcomes.length > 0 && !reached;
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
