import type {
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
} from '../../core/otel/metric-data.ts';

/** Metrics of the host in the semantic conventions. */
const HOST_PREFIX = 'system.';
/** The start of a series is unknown. */
const UNKNOWN_START = 0;

/**
 * Removes the part of the host's counters that was counted before the SDK started. `@opentelemetry/host-metrics` reports
 * counters such as `system.network.io` since the boot of the host, but the SDK reports them as if they had started
 * with the process. The first interval would contain the traffic of days.
 */
export class HostCounterBaseline {
  /** Series of counters that are exported as deltas. */
  readonly #knownSeries = new Set<string>();

  apply(metrics: OtelResourceMetrics): OtelResourceMetrics {
    return {
      ...metrics,
      scopes: metrics.scopes.map((scope) => ({
        ...scope,
        metrics: scope.metrics.map((metric) => this.#applyToMetric(metric)),
      })),
    };
  }

  #applyToMetric(metric: OtelMetric): OtelMetric {
    if (metric.kind !== 'sum' || !metric.isMonotonic || !metric.name.startsWith(HOST_PREFIX)) {
      return metric;
    }
    const { name, points, temporality } = metric;
    if (temporality === 'cumulative') {
      // Then the first point is only the base of later deltas.
      return {
        ...metric,
        points: points.map((point) => ({ ...point, startTimeMs: UNKNOWN_START })),
      };
    }
    return { ...metric, points: points.filter((point) => this.#isKnown(name, point)) };
  }

  /** Returns whether the series of a point is known. From now on, it is. */
  #isKnown(name: string, { attributes }: OtelNumberPoint): boolean {
    const key = JSON.stringify([name, attributes]);
    if (this.#knownSeries.has(key)) return true;
    this.#knownSeries.add(key);
    return false;
  }
}
