import type { Attributes } from '@opentelemetry/api';
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';

const INVALID_CHARACTERS = /[^a-z0-9_]/gi;
/** Prometheus uses these labels for buckets and quantiles. */
const RESERVED_LABELS = new Set(['le', 'quantile']);
const SCOPE_LABEL_PREFIX = 'otel_scope_';
/** Metric with the resource's attributes. */
const TARGET_INFO = 'target_info';

/**
 * Assigns Prometheus names to metrics. Metrics with the same name but another type, unit, or buckets
 * get a number as a suffix, because Prometheus allows one type per name. A name never changes later.
 */
export class PrometheusNames {
  readonly #names = new Map<string, string>();
  readonly #taken = new Set([TARGET_INFO]);

  /**
   * Returns the name of a metric. Metrics with the same name have the same type and buckets.
   *
   * @param boundaries boundaries of a histogram's buckets
   */
  getName(metric: MetricData, boundaries: readonly number[]): string {
    const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
    const baseName = sanitizeMetricName(metric.descriptor.name);
    const name = isCounter ? baseName.replace(/_total$/, '') : baseName;
    const { unit } = metric.descriptor;
    const key = JSON.stringify([name, metric.dataPointType, isCounter, unit, boundaries]);
    const existing = this.#names.get(key);
    if (existing) return existing;
    for (let i = 1; ; i++) {
      const uniqueName = `${name}${i === 1 ? '' : `_${i}`}${isCounter ? '_total' : ''}`;
      const names = getSampleNames(uniqueName, metric.dataPointType);
      if (names.some((each) => this.#taken.has(each))) continue;
      for (const each of names) this.#taken.add(each);
      this.#names.set(key, uniqueName);
      return uniqueName;
    }
  }
}

function getSampleNames(name: string, type: DataPointType): string[] {
  if (type !== DataPointType.HISTOGRAM) return [name];
  return [name, `${name}_bucket`, `${name}_count`, `${name}_sum`];
}

function sanitizeMetricName(name: string): string {
  const sanitized = sanitize(name);
  return /[a-z0-9]/i.test(sanitized) ? sanitized : 'unnamed';
}

function sanitize(name: string): string {
  const sanitized = name.replace(INVALID_CHARACTERS, '_').replace(/_{2,}/g, '_');
  return /^\d/.test(sanitized) ? `_${sanitized}` : sanitized || '_';
}

/**
 * Returns Prometheus labels. If several attributes have the same label, their values are joined with
 * `;`, as the OpenTelemetry specification requires
 * (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/).
 */
export function toPrometheusLabels(attributes: Attributes): Record<string, string> {
  const labels = new Map<string, string>();
  for (const key of Object.keys(attributes).sort()) {
    const text = toLabelValue(attributes[key]);
    if (text === undefined) continue;
    const label = toLabelName(key);
    const existing = labels.get(label);
    labels.set(label, existing === undefined ? text : `${existing};${text}`);
  }
  return Object.fromEntries([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function toLabelName(key: string): string {
  const label = sanitize(key);
  const isReserved = RESERVED_LABELS.has(label) || label.startsWith(SCOPE_LABEL_PREFIX);
  return isReserved ? `exported_${label}` : label;
}

function toLabelValue(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // UTF-8 can't encode half a surrogate pair.
  return text?.toWellFormed();
}
