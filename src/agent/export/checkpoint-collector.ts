import type { ExponentialHistogramAccumulator } from '../../core/histogram/histogram-accumulators.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { CheckpointEntry } from '../../storage/write/checkpoint-file.ts';
import type {
  HistogramRegistry,
  OpenSeries,
} from '../instrumentation/histograms/histogram-registry.ts';
import { createPointEncoder } from './otel-metric-rows.ts';

/** Maximum share of the CPU time of one core. Writing the file takes about as long as encoding. */
const MAX_CPU_SHARE = 0.001 / 2;

/** A point with its last entry. */
interface EncodedPoint {
  readonly encode: ReturnType<typeof createPointEncoder>;
  /** Number of values in the entry. */
  count: number;
  entry: CheckpointEntry;
}

export interface CheckpointCollectorOptions {
  readonly resource: ServiceResource;
  readonly histograms: HistogramRegistry;
  /** Returns the entries of rows that are not histogram points. */
  readonly collectRows: () => readonly CheckpointEntry[];
}

/**
 * Encodes the values of the current interval, so that they survive a killed process. Only series with
 * new values are encoded again.
 */
export class CheckpointCollector {
  readonly #options: CheckpointCollectorOptions;
  /** By the values of an interval. At its end, each series gets a new object. */
  readonly #encoded = new WeakMap<ExponentialHistogramAccumulator, EncodedPoint>();
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(options: CheckpointCollectorOptions) {
    this.#options = options;
  }

  /**
   * Returns the entries of the current interval. Returns undefined if another call so soon would take more
   * than 0.1 % of the CPU time. The last entries are then still valid.
   */
  collect(nowMs: number = Date.now()): readonly CheckpointEntry[] | undefined {
    const startMs = performance.now();
    if (startMs < this.#nextMs) return undefined;
    const entries: CheckpointEntry[] = [...this.#options.collectRows()];
    for (const series of this.#options.histograms.getOpenSeries()) {
      entries.push(this.#encode(series, nowMs));
    }
    const endMs = performance.now();
    this.#nextMs = endMs + (endMs - startMs) / MAX_CPU_SHARE;
    return entries;
  }

  /** Must be called when an interval ends, because its entries are then no longer valid. */
  startInterval(): void {
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  #encode({ options, series, startTime }: OpenSeries, nowMs: number): CheckpointEntry {
    const { delta, attributes } = series;
    let point = this.#encoded.get(delta);
    if (point === undefined) {
      const open = { name: options.name, unit: options.unit, attributes, startTime };
      const encode = createPointEncoder(open, this.#options.resource);
      point = { encode, count: 0, entry: '' };
      this.#encoded.set(delta, point);
    }
    if (point.count !== delta.recordedCount) {
      point.count = delta.recordedCount;
      point.entry = point.encode(delta.toPoint(), nowMs);
    }
    return point.entry;
  }
}
