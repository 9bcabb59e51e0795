import type { Attributes } from '@opentelemetry/api';
import {
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { type PrometheusNames, toPrometheusLabels } from './prometheus-names.ts';

/** Scopes of the agent. Their metrics keep their names if the application has equal names. */
const AGENT_SCOPE_PREFIX = 'perfscope.';

type Point = DataPoint<number> | DataPoint<Histogram>;

/** A metric and its points, by their labels. */
interface Family {
  readonly metric: MetricData;
  readonly points: Map<string, Point>;
}

/**
 * Prepares metrics for the Prometheus text format, which allows one metric per name, and one point per
 * set of labels. Metrics of several scopes become one metric. Points that would have the same labels
 * are merged.
 *
 * @param names keeps the assigned names between calls
 */
export function toPrometheusMetrics(
  { resource, scopeMetrics }: ResourceMetrics,
  names: PrometheusNames,
): ResourceMetrics {
  const families = new Map<string, Family>();
  for (const scope of agentScopesFirst(scopeMetrics)) {
    for (const metric of scope.metrics) addToFamily(families, metric, scope, names);
  }
  const metrics = [...families].map(
    ([name, { metric, points }]) =>
      ({
        ...metric,
        descriptor: { ...metric.descriptor, name },
        dataPoints: [...points.values()],
      }) as MetricData,
  );
  return { resource, scopeMetrics: [{ scope: { name: '' }, metrics }] };
}

function agentScopesFirst(scopes: readonly ScopeMetrics[]): ScopeMetrics[] {
  const isOfAgent = ({ scope }: ScopeMetrics) => scope.name.startsWith(AGENT_SCOPE_PREFIX);
  return [...scopes.filter(isOfAgent), ...scopes.filter((each) => !isOfAgent(each))];
}

function addToFamily(
  families: Map<string, Family>,
  metric: MetricData,
  { scope }: ScopeMetrics,
  names: PrometheusNames,
): void {
  // The text format has no exponential histograms.
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return;
  const scopeLabels = {
    otel_scope_name: scope.name.toWellFormed(),
    ...(scope.version && { otel_scope_version: scope.version.toWellFormed() }),
    ...(scope.schemaUrl && { otel_scope_schema_url: scope.schemaUrl.toWellFormed() }),
  };
  for (const point of metric.dataPoints as Point[]) {
    const name = names.getName(metric, getBoundaries(point));
    const family = families.get(name) ?? { metric, points: new Map<string, Point>() };
    families.set(name, family);
    const attributes: Attributes = { ...toPrometheusLabels(point.attributes), ...scopeLabels };
    const key = JSON.stringify(attributes);
    const existing = family.points.get(key);
    const value = existing ? mergeValues(metric, existing, point) : point.value;
    family.points.set(key, { ...point, attributes, value } as Point);
  }
}

function getBoundaries({ value }: Point): readonly number[] {
  return typeof value === 'number' ? [] : value.buckets.boundaries;
}

function mergeValues(metric: MetricData, a: Point, b: Point): number | Histogram {
  if (typeof a.value === 'number' || typeof b.value === 'number') {
    return metric.dataPointType === DataPointType.GAUGE
      ? b.value
      : (a.value as number) + (b.value as number);
  }
  const { buckets, count, sum = 0 } = a.value;
  const other = b.value;
  return {
    buckets: {
      boundaries: buckets.boundaries,
      counts: buckets.counts.map((each, i) => each + (other.buckets.counts[i] ?? 0)),
    },
    count: count + other.count,
    sum: sum + (other.sum ?? 0),
  };
}
