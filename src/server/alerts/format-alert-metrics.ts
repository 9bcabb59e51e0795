import type { Labels } from '../../core/alerts/alert.ts';
import {
  formatMetricFamily,
  formatSample,
  formatSingleMetric,
} from '../../core/prometheus-text.ts';
import type { AlertEvaluator } from './alert-evaluator.ts';

/**
 * What Prometheus' own rules would show of alerts (`ALERTS` and `ALERTS_FOR_STATE`), and how the
 * evaluation goes, in Prometheus' text format.
 */
export function formatAlertMetrics(evaluator: AlertEvaluator): string {
  const alerts = [...evaluator.alertStates.listLive()].map(({ transition }) => {
    const { rule, severity, state, labels, startedAt } = transition;
    const own = { ...evaluator.ruleNamed(rule)?.labels, ...(JSON.parse(labels) as Labels) };
    const named = { ...own, alertname: rule, severity };
    // Prometheus knows pending and firing; who acknowledged one has not ended it.
    const alertstate = state === 'pending' ? 'pending' : 'firing';
    return { named, alertstate, startedAt };
  });
  const {
    ruleHealth: health,
    heartbeat,
    rulesFile: rules,
    lateEvaluationCount: lateEvaluations,
    alertStates: book,
  } = evaluator;
  const lastMs = heartbeat.lastRoundMs;
  return [
    formatMetricFamily('ALERTS', 'gauge', 'Alerts that are pending or fire.', [
      ...alerts.map(({ named, alertstate }) => formatSample('ALERTS', { ...named, alertstate }, 1)),
    ]),
    formatMetricFamily(
      'ALERTS_FOR_STATE',
      'gauge',
      'Since when the data of an alert are bad, in s.',
      [
        ...alerts.map(({ named, startedAt }) =>
          formatSample('ALERTS_FOR_STATE', named, startedAt / 1000),
        ),
      ],
    ),
    formatSingleMetric(
      'perfscope_rule_evaluations_total',
      'counter',
      'Evaluations.',
      health.evaluationCount,
    ),
    formatSingleMetric(
      'perfscope_rule_evaluation_failures_total',
      'counter',
      'Evaluations whose query failed.',
      health.failureCount,
    ),
    formatSingleMetric(
      'perfscope_rule_evaluations_late_total',
      'counter',
      'Evaluations that came too late.',
      lateEvaluations,
    ),
    formatSingleMetric(
      'perfscope_rule_groups',
      'gauge',
      'Groups whose state is known.',
      book.groupCount,
    ),
    formatSingleMetric(
      'perfscope_rules_file_valid',
      'gauge',
      '0 while the rules file is refused.',
      rules.status.problems.length === 0 ? 1 : 0,
    ),
    ...(lastMs === undefined
      ? []
      : [
          formatSingleMetric(
            'perfscope_heartbeat_timestamp_seconds',
            'gauge',
            'When a round of evaluations ended last.',
            lastMs / 1000,
          ),
        ]),
  ].join('');
}
