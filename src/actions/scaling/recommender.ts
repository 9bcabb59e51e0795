import type { ScaledView, ScalingAsk } from '../../schema/action-desk.ts';
import type { Origin } from '../../schema/dimensions.ts';
import { intervalRowId } from '../../schema/identity.ts';
import type { PerformanceMetric } from '../../schema/performance-metrics.ts';
import { family, line } from '../../schema/prometheus-text.ts';
import type { Add } from '../../schema/tables.ts';

/** What `/api/performance/scaling` recommends to who says nothing else. */
export const USUAL_TARGET: ScalingAsk = {
  waitMs: 60_000,
  concurrency: 1,
  min: 1,
  max: 100,
  stabilizationMs: 300_000,
};
const EVERY_MS = 60_000;
/** What is older than this is said no more: QuestDB is away, and nobody knows what is needed now. */
const HOLDS_MS = 150_000;
/** Queues and services that are stored at most, those that need most of all. */
const MOST = 200;

const WHAT = {
  desired: 'Workers or replicas that are recommended.',
  current: 'Workers that are connected, or instances that answered.',
} as const;
type What = keyof typeof WHAT;

export interface RecommenderOptions {
  /** What is recommended now. @throws PS_UNAVAILABLE */
  readonly recommended: (ask: ScalingAsk) => Promise<readonly ScaledView[]>;
  readonly add: Add;
  /** The server that says so. */
  readonly origin: Origin;
  readonly now?: () => number;
}

/**
 * Stores each minute what is recommended, as gauges `perfscope.scaling.desired` and
 * `perfscope.scaling.current`. Every server says the same, so whoever reads them takes the newest and
 * sums nothing up. No instruments of OpenTelemetry: its SDK tells Prometheus of a queue that is no more
 * until the process ends. Nothing here rejects.
 */
export class Recommender {
  readonly #options: RecommenderOptions;
  readonly #now: () => number;
  #known: readonly ScaledView[] = [];
  #knownMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: RecommenderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    void this.runOnce();
    this.#timer = setInterval(() => void this.runOnce(), EVERY_MS).unref();
  }

  /** Ends after the question that is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
  }

  /** Asks and stores once, after what is under way. */
  runOnce(): Promise<void> {
    this.#last = this.#last.then(async () => {
      try {
        const found = await this.#options.recommended(USUAL_TARGET);
        this.#known = found.toSorted((a, b) => b.desired - a.desired).slice(0, MOST);
        this.#knownMs = this.#now();
        this.#options.add('performance_metrics', this.#rows());
      } catch {
        // QuestDB is away, which others say already.
      }
    });
    return this.#last;
  }

  /** What is known of late, in Prometheus' text format. */
  metricsText(): string {
    const known = this.#now() - this.#knownMs <= HOLDS_MS ? this.#known : [];
    return (Object.keys(WHAT) as What[])
      .map((what) => {
        const name = `perfscope_scaling_${what}`;
        const lines = known.flatMap(({ kind, name: of, [what]: count }) =>
          count === undefined ? [] : line(name, { kind, name: of }, count),
        );
        return family(name, 'gauge', WHAT[what], lines);
      })
      .join('');
  }

  #rows(): PerformanceMetric[] {
    const { origin } = this.#options;
    const timestamp = this.#knownMs;
    return this.#known.flatMap(({ kind, name: endpoint, ...counts }) =>
      (Object.keys(WHAT) as What[]).flatMap((what) => {
        const value = counts[what];
        if (value === undefined) return [];
        const name = `perfscope.scaling.${what}`;
        const id = intervalRowId(
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
