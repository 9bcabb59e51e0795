import { COUNTER_FUNCTIONS, unwrapSum } from './counter-calls.ts';
import { type Grouping, mapGrouping, mapMatchers } from './label-mapping.ts';
import { findDimension, STATUS_LABELS } from './prometheus-metrics.ts';
import type { PromqlExpression, Selector } from './promql-expression.ts';
import { KEEP_IN_PROMETHEUS, LOOKBACK_MS, type Quantity, UntranslatableError } from './quantity.ts';
import type { CustomSelection } from './rule-sql.ts';

/** A metric that the application records itself. */
export type CustomCounter = Pick<Quantity, 'constants' | 'notes' | 'warnings'> & {
  readonly selection: CustomSelection;
};

/** Returns the counter of an application behind `sum(rate(…))`, or undefined for other expressions. */
export function findCustomCounter(expression: PromqlExpression): CustomCounter | undefined {
  const { expression: call, grouping } = unwrapSum(expression);
  if (call.kind !== 'call' || !COUNTER_FUNCTIONS.has(call.name)) return undefined;
  const [selector] = call.args;
  if (selector?.kind !== 'selector') return undefined;
  return describeCustom(selector, grouping);
}

/**
 * Converts the labels of a metric that the application records itself. Labels without a dimension are attributes.
 *
 * @throws UntranslatableError for metrics of exporters about other systems
 */
export function describeCustom(selector: Selector, grouping: Grouping | undefined): CustomCounter {
  const { metric, matchers, rangeMs = LOOKBACK_MS } = selector;
  rejectForeignMetric(metric);
  const isKnown = ({ label }: { label: string }) =>
    findDimension(label) !== undefined && !STATUS_LABELS.has(label);
  // The endpoint and the operation of a custom metric are separate attributes.
  const isAttribute = (label: string) => {
    const dimension = findDimension(label);
    return dimension === undefined || ['endpoint', 'operation', 'queue'].includes(dimension);
  };
  const mapped = mapMatchers(matchers.filter((each) => isKnown(each) && !isAttribute(each.label)));
  const labels = grouping?.labels ?? [];
  const groups = mapGrouping(
    grouping && { ...grouping, labels: labels.filter((label) => !isAttribute(label)) },
    ['service'],
  );
  return {
    selection: {
      ...{ metric, windowMs: rangeMs, filter: mapped.filter, groupBy: groups.groupBy },
      matchers: matchers.filter(({ label }) => isAttribute(label)),
      attributes: grouping?.isWithout ? [] : labels.filter(isAttribute),
    },
    constants: mapped.constants,
    notes: [
      ...groups.notes,
      `assumes that your code records \`${metric}\` with the same attributes in Perfscope`,
    ],
    warnings: [...mapped.warnings, ...groups.warnings],
  };
}

/** Metrics of exporters about systems that Perfscope doesn't measure. */
const FOREIGN_METRICS =
  /^(?:kube_|kubelet_|kubernetes_|apiserver_|etcd_|coredns_|node_|container_|mysql_|pg_stat_|pg_(?!query)|redis_|mongodb_|rabbitmq_|kafka_|nginx_|haproxy_|traefik_|envoy_|istio_|elasticsearch_|prometheus_|alertmanager_|probe_|windows_|jvm_|go_|cadvisor_|aws_|blackbox_|ssl_|smartctl_|minio_|vault_|consul_|zookeeper_|argocd_|thanos_|loki_|cert_|certmanager_|ALERTS$|ALERTS_FOR_STATE$|scrape_|machine_)/;

/** @throws UntranslatableError for metrics of exporters about systems that Perfscope doesn't measure */
export function rejectForeignMetric(metric: string): void {
  if (metric === 'ALERTS' || metric === 'ALERTS_FOR_STATE') {
    throw new UntranslatableError(
      '`ALERTS` contains the alerts of Prometheus',
      'use inhibitions, or group alerts in the notification file',
    );
  }
  if (metric.includes(':')) {
    throw new UntranslatableError(
      `the recording rule \`${metric}\` is not in the files`,
      'also import the file with the recording rule',
    );
  }
  if (!FOREIGN_METRICS.test(metric)) return;
  throw new UntranslatableError(`Perfscope doesn't measure \`${metric}\``, KEEP_IN_PROMETHEUS);
}
