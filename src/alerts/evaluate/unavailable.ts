import type { InternalFigure } from '../rules/words.ts';
import type { Observation } from './observation.ts';

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
export function evaluateUnavailable(
  outcomes: readonly RuleOutcome[],
  now: number,
): Pick<
  Readonly<Record<InternalFigure, readonly Observation[]>>,
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
