import type { Evaluator } from './alerts/evaluator.ts';
import { presentAlert } from './alerts/present.ts';
import type { ForcedView } from './schema/action-desk.ts';
import { isVisible, type Scope } from './schema/scope.ts';

/** Evaluations after whose time an alert that nobody confirms opens no breaker any more. */
const LEASE_INTERVALS = 2;
/** Longer than services wait until they ask again. */
const LEAST_LEASE_MS = 10_000;

/**
 * The breakers that alerts want to be open: those that fire and have an annotation or a label `breaker`.
 * Each counts for two intervals from the last evaluation that was answered, so that an alert that only
 * stands because QuestDB is away holds nothing open.
 */
export function forcedBreakers(evaluator: Evaluator): (scope: Scope) => ForcedView[] {
  /** When each rule was last evaluated on data. */
  const answered = new Map<string, number>();
  return (scope) => {
    const now = evaluator.now();
    return [...evaluator.book.live()].flatMap(({ transition, value }) => {
      const fires = transition.state === 'firing' || transition.state === 'acknowledged';
      const rule = evaluator.ruleNamed(transition.rule);
      if (!fires || !rule || !isVisible(transition, scope)) return [];
      const { id, annotations, labels } = presentAlert(transition, rule, value);
      const name = annotations.breaker ?? labels.breaker;
      if (!name) return [];
      const health = evaluator.health.of(rule.name);
      if (health?.result === 'answered') answered.set(rule.name, health.evaluatedMs);
      const since = answered.get(rule.name) ?? transition.timestamp;
      const leaseMs = since + Math.max(LEAST_LEASE_MS, LEASE_INTERVALS * rule.intervalMs) - now;
      return leaseMs > 0 ? [{ name, alertId: id, rule: rule.name, leaseMs }] : [];
    });
  };
}
