import type { Labels } from '../../core/alerts/alert.ts';
import { isExternalRule } from '../../core/alerts/external-alert.ts';
import {
  formatMetricFamily,
  formatSample,
  formatSingleMetric,
} from '../../core/prometheus-text.ts';
import type { AlertEvaluator } from './alert-evaluator.ts';

/**
 * Formats alerts and rule evaluation metrics in the Prometheus text format. As in Prometheus,
 * alerts are exported as the metrics `ALERTS` and `ALERTS_FOR_STATE`.
 */
export function formatAlertMetrics(evaluator: AlertEvaluator): string {
  const alerts = [...evaluator.alertStates.listLive()].map(({ transition }) => {
    const { rule, severity, state, labels, startedAt } = transition;
    const ruleLabels = evaluator.findRule(rule)?.labels;
    const groupLabels = JSON.parse(labels) as Labels;
    // Prometheus must not raise its own alerts again.
    const origin: Labels = isExternalRule(rule) ? { raised_by: 'prometheus' } : {};
    const allLabels = { ...ruleLabels, ...origin, ...groupLabels, alertname: rule, severity };
    // Prometheus has no state for acknowledged alerts, which are still firing.
    const alertstate = state === 'pending' ? 'pending' : 'firing';
    return { allLabels, alertstate, startedAt };
  });
  const { ruleHealth, heartbeat, rulesFile, lateEvaluationCount, alertStates } = evaluator;
  const lastMs = heartbeat.lastRoundMs;
  return [
    formatMetricFamily('ALERTS', 'gauge', 'Pending and firing alerts.', [
      ...alerts.map(({ allLabels, alertstate }) =>
        formatSample('ALERTS', { ...allLabels, alertstate }, 1),
      ),
    ]),
    formatMetricFamily(
      'ALERTS_FOR_STATE',
      'gauge',
      'Time at which the breach began, in s since the epoch.',
      [
        ...alerts.map(({ allLabels, startedAt }) =>
          formatSample('ALERTS_FOR_STATE', allLabels, startedAt / 1000),
        ),
      ],
    ),
    formatSingleMetric(
      'perfscope_rule_evaluations_total',
      'counter',
      'Number of rule evaluations.',
      ruleHealth.evaluationCount,
    ),
    formatSingleMetric(
      'perfscope_rule_evaluation_failures_total',
      'counter',
      'Number of rule evaluations with a failed query.',
      ruleHealth.failureCount,
    ),
    formatSingleMetric(
      'perfscope_rule_evaluations_late_total',
      'counter',
      'Number of rule evaluations that were late.',
      lateEvaluationCount,
    ),
    formatSingleMetric(
      'perfscope_rule_groups',
      'gauge',
      'Number of groups with a state.',
      alertStates.groupCount,
    ),
    formatSingleMetric(
      'perfscope_rules_file_valid',
      'gauge',
      '1 if the rules file is valid, 0 if not.',
      rulesFile.status.problems.length === 0 ? 1 : 0,
    ),
    ...(lastMs === undefined
      ? []
      : [
          formatSingleMetric(
            'perfscope_heartbeat_timestamp_seconds',
            'gauge',
            'End of the last evaluation of all rules, in s since the epoch.',
            lastMs / 1000,
          ),
        ]),
  ].join('');
}
