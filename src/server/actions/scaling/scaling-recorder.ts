import { formatMetricFamily, formatSample } from '../../../core/prometheus-text.ts';
import { computeIntervalRowId } from '../../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../../core/schema/table-definition.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../../core/schema/tables/performance-metrics-table.ts';
import type { ScalingRequest, ScalingView } from '../action-views.ts';

/** What `/api/performance/scaling` recommends to who says nothing else. */
export const DEFAULT_SCALING_REQUEST: ScalingRequest = {
  waitMs: 60_000,
  concurrency: 1,
  min: 1,
  max: 100,
  stabilizationMs: 300_000,
};
const RECORD_INTERVAL_MS = 60_000;
/** What is older than this is said no more: QuestDB is away, and nobody knows what is needed now. */
const MAX_METRIC_AGE_MS = 150_000;
/** Queues and services that are stored at most, those that need most of all. */
const MAX_SCALING_VIEWS = 200;

const GAUGE_DESCRIPTIONS = {
  desired: 'Workers or replicas that are recommended.',
  current: 'Workers that are connected, or instances that answered.',
} as const;
type ScalingGauge = keyof typeof GAUGE_DESCRIPTIONS;

export interface ScalingRecorderOptions {
  /** What is recommended now. @throws PS_UNAVAILABLE */
  readonly recommend: (ask: ScalingRequest) => Promise<readonly ScalingView[]>;
  readonly add: AddRows;
  /** The server that says so. */
  readonly origin: ServiceResource;
  readonly now?: () => number;
}

/**
 * Stores each minute what is recommended, as gauges `perfscope.scaling.desired` and
 * `perfscope.scaling.current`. Every server says the same, so whoever reads them takes the newest and
 * sums nothing up. No instruments of OpenTelemetry: its SDK tells Prometheus of a queue that is no more
 * until the process ends. Nothing here rejects.
 */
export class ScalingRecorder {
  readonly #options: ScalingRecorderOptions;
  readonly #now: () => number;
  #known: readonly ScalingView[] = [];
  #knownMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastRun: Promise<void> = Promise.resolve();

  constructor(options: ScalingRecorderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    void this.runOnce();
    this.#timer = setInterval(() => void this.runOnce(), RECORD_INTERVAL_MS).unref();
  }

  /** Ends after the question that is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lastRun;
  }

  /** Asks and stores once, after what is under way. */
  runOnce(): Promise<void> {
    this.#lastRun = this.#lastRun.then(async () => {
      try {
        const found = await this.#options.recommend(DEFAULT_SCALING_REQUEST);
        this.#known = found.toSorted((a, b) => b.desired - a.desired).slice(0, MAX_SCALING_VIEWS);
        this.#knownMs = this.#now();
        this.#options.add('performance_metrics', this.#toRows());
      } catch {
        // QuestDB is away, which others say already.
      }
    });
    return this.#lastRun;
  }

  /** What is known of late, in Prometheus' text format. */
  metricsText(): string {
    const known = this.#now() - this.#knownMs <= MAX_METRIC_AGE_MS ? this.#known : [];
    return (Object.keys(GAUGE_DESCRIPTIONS) as ScalingGauge[])
      .map((what) => {
        const name = `perfscope_scaling_${what}`;
        const lines = known.flatMap(({ kind, name: of, [what]: count }) =>
          count === undefined ? [] : formatSample(name, { kind, name: of }, count),
        );
        return formatMetricFamily(name, 'gauge', GAUGE_DESCRIPTIONS[what], lines);
      })
      .join('');
  }

  #toRows(): PerformanceMetricRow[] {
    const { origin } = this.#options;
    const timestamp = this.#knownMs;
    return this.#known.flatMap(({ kind, name: endpoint, ...counts }) =>
      (Object.keys(GAUGE_DESCRIPTIONS) as ScalingGauge[]).flatMap((what) => {
        const value = counts[what];
        if (value === undefined) return [];
        const name = `perfscope.scaling.${what}`;
        const id = computeIntervalRowId(
          JSON.stringify([name, kind, endpoint]),
          origin.instance,
          timestamp,
        );
        return {
          ...origin,
          id,
          timestamp,
          metricType: 'CUSTOM',
          name,
          unit: '1',
          test: false,
          operation: kind,
          endpoint,
          value,
          sum: value,
        };
      }),
    );
  }
}
