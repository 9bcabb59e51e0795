import type { AlertFacts } from '../schema/alert-desk.ts';
import type { Transition } from './evaluate/transition.ts';
import type { Labels, Rule } from './rules/rule.ts';

/** An alert as people and other systems see it. Times in ms since the epoch. */
export interface Alert extends AlertFacts {
  readonly startedMs: number;
  readonly firedMs: number | undefined;
  readonly changedMs: number;
}

/**
 * What a transition says, with what its rule adds to it today.
 *
 * @param rule undefined when there is no such rule any more
 * @param value the group's newest value, where it is known
 */
export function presentAlert(
  transition: Transition,
  rule: Rule | undefined,
  value: number | undefined = transition.value,
): Alert {
  const { id, state, severity, threshold, cause, author, comment } = transition;
  const labels = { ...rule?.labels, ...(JSON.parse(transition.labels) as Labels) };
  const data = { rule: transition.rule, severity, value, threshold, labels };
  const annotations = Object.entries(rule?.annotations ?? {}).map(([name, template]) => [
    name,
    template(data),
  ]);
  return {
    id,
    rule: transition.rule,
    state,
    severity,
    labels,
    annotations: Object.fromEntries(annotations),
    runbook: rule?.runbook,
    value,
    threshold,
    cause,
    author,
    comment,
    startedMs: transition.startedAt,
    firedMs: transition.firedAt,
    changedMs: transition.timestamp,
  };
}
