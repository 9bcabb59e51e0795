import { startTask } from '../../../core/guard.ts';
import { startInterval } from '../../../core/guarded-timers.ts';
import { formatMetricFamily, formatSample } from '../../../core/prometheus-text.ts';
import { computeIntervalRowId } from '../../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../../core/schema/table-definition.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../../core/schema/tables/performance-metrics-table.ts';
import type { ScalingRequest, ScalingView } from '../action-views.ts';

/** Default parameters of `/api/performance/scaling`. */
export const DEFAULT_SCALING_REQUEST: ScalingRequest = {
  waitMs: 60_000,
  concurrency: 1,
  min: 1,
  max: 100,
  stabilizationMs: 300_000,
};
/** What fails, for {@link startTask}. */
const PART = 'the scaling recommendations';
const RECORD_INTERVAL_MS = 60_000;
/**
 * Older recommendations aren't exported: their age shows that QuestDB is unreachable, so the load
 * is unknown.
 */
const MAX_METRIC_AGE_MS = 150_000;
/**
 * Maximum number of queues and services to store. If there are more, the queues and services with
 * the most workers are stored.
 */
const MAX_SCALING_VIEWS = 200;

const GAUGE_DESCRIPTIONS = {
  desired: 'Recommended number of workers or replicas.',
  current: 'Number of connected workers, or of running instances that served requests.',
} as const;
type ScalingGauge = keyof typeof GAUGE_DESCRIPTIONS;

export interface ScalingRecorderOptions {
  /** Returns the current recommendations. @throws PS_UNAVAILABLE */
  readonly recommend: (request: ScalingRequest) => Promise<readonly ScalingView[]>;
  readonly add: AddRows;
  /** The server that stores the recommendations. */
  readonly resource: ServiceResource;
  readonly now?: () => number;
}

/**
 * Stores the recommendations every minute, as the gauges `perfscope.scaling.desired` and
 * `perfscope.scaling.current`. All servers store the same values, so read the latest value and don't
 * add them up. Doesn't use OpenTelemetry instruments, because the SDK keeps exporting a removed queue
 * to Prometheus until the process ends. The methods never reject.
 */
export class ScalingRecorder {
  readonly #options: ScalingRecorderOptions;
  readonly #now: () => number;
  #views: readonly ScalingView[] = [];
  #recordedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastRun: Promise<void> = Promise.resolve();

  constructor(options: ScalingRecorderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    startTask(PART, () => this.runOnce());
    this.#timer = startInterval(PART, () => this.runOnce(), RECORD_INTERVAL_MS);
  }

  /** Waits for the current run. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lastRun;
  }

  /** Queries and stores the recommendations once, after the current run. */
  runOnce(): Promise<void> {
    this.#lastRun = this.#lastRun.then(async () => {
      try {
        const views = await this.#options.recommend(DEFAULT_SCALING_REQUEST);
        this.#views = views.toSorted((a, b) => b.desired - a.desired).slice(0, MAX_SCALING_VIEWS);
        this.#recordedMs = this.#now();
        this.#options.add('performance_metrics', this.#toRows());
      } catch {
        // QuestDB is unreachable. Other parts already log that.
      }
    });
    return this.#lastRun;
  }

  /** Returns recent recommendations in the Prometheus text format. */
  metricsText(): string {
    const views = this.#now() - this.#recordedMs <= MAX_METRIC_AGE_MS ? this.#views : [];
    return (Object.keys(GAUGE_DESCRIPTIONS) as ScalingGauge[])
      .map((gauge) => {
        const name = `perfscope_scaling_${gauge}`;
        const lines = views.flatMap(({ kind, name: target, scope, [gauge]: count }) =>
          count === undefined
            ? []
            : formatSample(
                name,
                { kind, name: target, ...(scope && { queue_scope: scope }) },
                count,
              ),
        );
        return formatMetricFamily(name, 'gauge', GAUGE_DESCRIPTIONS[gauge], lines);
      })
      .join('');
  }

  #toRows(): PerformanceMetricRow[] {
    const { resource } = this.#options;
    const timestamp = this.#recordedMs;
    return this.#views.flatMap(({ kind, name: endpoint, scope: queueScope, ...counts }) =>
      (Object.keys(GAUGE_DESCRIPTIONS) as ScalingGauge[]).flatMap((gauge) => {
        const value = counts[gauge];
        if (value === undefined) return [];
        const name = `perfscope.scaling.${gauge}`;
        const id = computeIntervalRowId(
          JSON.stringify([name, kind, endpoint, queueScope]),
          resource.instance,
          timestamp,
        );
        return {
          ...resource,
          id,
          timestamp,
          metricType: 'CUSTOM',
          name,
          unit: '1',
          test: false,
          operation: kind,
          endpoint,
          queueScope,
          value,
          sum: value,
        };
      }),
    );
  }
}
