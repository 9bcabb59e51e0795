import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelScopeMetrics,
  OtelSummaryPoint,
  OtelTemporality,
} from '../../../core/otel/metric-data.ts';

/** Values of the enum `AggregationTemporality`. */
const TEMPORALITIES: readonly OtelTemporality[] = ['unspecified', 'delta', 'cumulative'];

/** The data of a metric while it is being read. */
export interface MetricData {
  readonly kind: Exclude<OtelMetric['kind'], 'empty'>;
  /** All points have the kind. */
  readonly points: object[];
  temporality: number;
  isMonotonic: boolean;
}

type MetricBase = Pick<OtelMetric, 'name' | 'unit' | 'description'>;

export function toMetric(base: MetricBase, data: MetricData | undefined): OtelMetric {
  if (!data) return { ...base, kind: 'empty', points: [] };
  const { kind, points, isMonotonic } = data;
  const temporality = TEMPORALITIES[data.temporality] ?? 'unspecified';
  switch (kind) {
    case 'gauge':
      return { ...base, kind, points: points as OtelNumberPoint[] };
    case 'sum':
      return { ...base, kind, temporality, isMonotonic, points: points as OtelNumberPoint[] };
    case 'histogram':
      return { ...base, kind, temporality, points: points as OtelHistogramPoint[] };
    case 'exponentialHistogram':
      return { ...base, kind, temporality, points: points as OtelExponentialHistogramPoint[] };
    case 'summary':
      return { ...base, kind, points: points as OtelSummaryPoint[] };
  }
}

export function countPoints(scopes: readonly OtelScopeMetrics[]): number {
  let count = 0;
  for (const { metrics } of scopes) for (const { points } of metrics) count += points.length;
  return count;
}
