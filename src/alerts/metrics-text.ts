import { family, line, single } from '../schema/prometheus-text.ts';
import type { Evaluator } from './evaluator.ts';
import type { Labels } from './rules/rule.ts';

/**
 * What Prometheus' own rules would show of alerts (`ALERTS` and `ALERTS_FOR_STATE`), and how the
 * evaluation goes, in Prometheus' text format.
 */
export function metricsText(evaluator: Evaluator): string {
  const alerts = [...evaluator.book.live()].map(({ transition }) => {
    const { rule, severity, state, labels, startedAt } = transition;
    const own = { ...evaluator.ruleNamed(rule)?.labels, ...(JSON.parse(labels) as Labels) };
    const named = { ...own, alertname: rule, severity };
    // Prometheus knows pending and firing; who acknowledged one has not ended it.
    const alertstate = state === 'pending' ? 'pending' : 'firing';
    return { named, alertstate, startedAt };
  });
  const { health, heartbeat, rules, lateEvaluations, book } = evaluator;
  const lastMs = heartbeat.lastMs;
  return [
    family('ALERTS', 'gauge', 'Alerts that are pending or fire.', [
      ...alerts.map(({ named, alertstate }) => line('ALERTS', { ...named, alertstate }, 1)),
    ]),
    family('ALERTS_FOR_STATE', 'gauge', 'Since when the data of an alert are bad, in s.', [
      ...alerts.map(({ named, startedAt }) => line('ALERTS_FOR_STATE', named, startedAt / 1000)),
    ]),
    single('perfscope_rule_evaluations_total', 'counter', 'Evaluations.', health.evaluations),
    single(
      'perfscope_rule_evaluation_failures_total',
      'counter',
      'Evaluations whose query failed.',
      health.failures,
    ),
    single(
      'perfscope_rule_evaluations_late_total',
      'counter',
      'Evaluations that came too late.',
      lateEvaluations,
    ),
    single('perfscope_rule_groups', 'gauge', 'Groups whose state is known.', book.groups),
    single(
      'perfscope_rules_file_valid',
      'gauge',
      '0 while the rules file is refused.',
      rules.status.problems.length === 0 ? 1 : 0,
    ),
    ...(lastMs === undefined
      ? []
      : [
          single(
            'perfscope_heartbeat_timestamp_seconds',
            'gauge',
            'When a round of evaluations ended last.',
            lastMs / 1000,
          ),
        ]),
  ].join('');
}
