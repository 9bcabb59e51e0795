import { DAY_MS } from '../../core/duration.ts';
import { guard, runGuarded } from '../../core/guard.ts';
import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
  toBucketRows,
} from '../../core/histogram/histogram-buckets.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import type { PerfscopeError } from '../../core/perfscope-error.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { computePointId, createIdGenerator } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { MetricBucketRow } from '../../core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import type {
  JobTransition,
  QueueMetricRow,
} from '../../core/schema/tables/queue-metrics-table.ts';
import type { DroppedRowCounter } from '../../storage/write/dropped-rows.ts';
import { getCurrentTenant } from '../instrumentation/tenant-context.ts';
import { toJobTransitionRow } from './job-transition-row.ts';
import {
  type Measurement,
  TOO_OLD_REASON,
  type ValidatedMeasurement,
  validateMeasurement,
} from './measurement.ts';

export interface MetricRecorderOptions {
  resource: ServiceResource;
  retentionDays: number;
  add: AddRows;
  /** Whether an invalid measurement throws an error. Otherwise, it is dropped and counted. */
  strict: boolean;
  /** Counts invalid measurements. */
  dropped: DroppedRowCounter;
  log: Logger;
}

/** Converts the application's own measurements and job transitions to rows. */
export class MetricRecorder {
  readonly #options: MetricRecorderOptions;
  readonly #nextId = createIdGenerator();
  readonly #buckets = new BucketAccumulator(this.#nextId);
  readonly #warnOnce: (kind: string, message: string) => void;
  readonly #retentionMs: number;
  #seq = 0;
  strict: boolean;

  constructor(options: MetricRecorderOptions) {
    this.#options = options;
    this.#warnOnce = createWarnOnce(options.log);
    this.#retentionMs = options.retentionDays * DAY_MS;
    this.strict = options.strict;
  }

  /** @throws PS_ROW_INVALID if the measurement is invalid and `strict` is set */
  recordMetric(measurement: Measurement, nowMs: number = Date.now()): void {
    const m = validateMeasurement(measurement, nowMs, this.#retentionMs);
    if (m instanceof Error) this.reject(m);
    else this.#addMetric(m);
  }

  readonly #addMetric = guard('recordMetric', (m: ValidatedMeasurement) => {
    const { resource } = this.#options;
    const row: PerformanceMetricRow = {
      ...resource,
      service: m.service ?? resource.service,
      id: this.#nextId(),
      timestamp: m.timestampMs,
      metricType: m.metricType,
      name: m.name,
      value: m.value,
      unit: m.unit,
      tags: m.tags,
      endpoint: m.endpoint ?? getQueueName(m),
      operation: m.operation,
      duration: m.duration ?? (m.unit === 'ms' ? m.value : undefined),
      ...resolveTenant(m),
      userId: m.userId ?? getCurrentTenant()?.userId,
      count: 1,
      errorCount: m.error ? 1 : 0,
      abortedCount: 0,
      sum: m.value,
      min: m.value,
      max: m.value,
      test: m.test ?? false,
    };
    this.#buckets.add(row);
    this.#options.add('performance_metrics', [row]);
  });

  /**
   * @returns the row, or undefined if the transition is invalid
   * @throws PS_ROW_INVALID if the transition is invalid and `strict` is set
   */
  recordQueueMetric(job: JobTransition, nowMs: number = Date.now()): QueueMetricRow | undefined {
    const row = toJobTransitionRow(job, nowMs, this.#retentionMs);
    if (!(row instanceof Error)) return this.#addJob(row);
    this.reject(row);
    return undefined;
  }

  readonly #addJob = guard('recordQueueMetric', (row: QueueMetricRow): QueueMetricRow => {
    const { resource, add } = this.#options;
    Object.assign(row, resolveTenant(row));
    add('queue_metrics', [{ ...resource, ...row, id: this.#nextId(), seq: this.#seq++ }]);
    return row;
  });

  /** Records the times of a job as individual measurements, for processes without histograms. */
  recordJobTimes(job: JobTransition, failed: boolean): void {
    const { queueName: endpoint, jobType: operation, duration, waitTime } = job;
    const common = {
      endpoint,
      operation,
      organizationId: job.organizationId,
      propertyId: job.propertyId,
    };
    if (duration !== undefined) {
      const metricType = PerformanceMetricType.QUEUE_PROCESSING_TIME;
      const name = 'messaging.process.duration';
      this.recordMetric({ ...common, metricType, name, value: duration, error: failed });
    }
    if (waitTime !== undefined) {
      const metricType = PerformanceMetricType.QUEUE_WAIT_TIME;
      this.recordMetric({
        ...common,
        metricType,
        name: 'perfscope.queue.wait.duration',
        value: waitTime,
      });
    }
  }

  /** Adds the bucket rows of the measurements since the last batch. Never throws. */
  addBucketRows(): void {
    runGuarded('recordMetric', () => this.#options.add('metric_buckets', this.#buckets.takeRows()));
  }

  /**
   * Counts an invalid measurement.
   *
   * @throws `error` if `strict` is set
   */
  reject(error: PerfscopeError): void {
    this.#options.dropped.add(error.params.reason === TOO_OLD_REASON ? 'expired' : 'invalid', 1);
    if (this.strict) throw error;
    this.#warnOnce(`${error.params.field} ${error.params.reason}`, error.message);
  }
}

/** For queue metric types, the name of a measurement is the queue name. */
function getQueueName({ name, metricType }: ValidatedMeasurement): string | undefined {
  return metricType.startsWith('QUEUE_') ? name : undefined;
}

/** Returns the explicit tenant, or the current tenant. Never combines fields of both. */
function resolveTenant(explicit: {
  organizationId?: string | undefined;
  propertyId?: string | undefined;
}) {
  const isExplicit = (explicit.organizationId ?? explicit.propertyId) !== undefined;
  const { organizationId, propertyId } = (isExplicit ? explicit : getCurrentTenant()) ?? {};
  return { organizationId: organizationId ?? undefined, propertyId: propertyId ?? undefined };
}

/** Short enough that the edges of a query's time window stay exact to the second. */
const BUCKET_INTERVAL_MS = 1000;

interface BucketSum {
  row: PerformanceMetricRow;
  timestamp: number;
  buckets: BucketCounts;
}

/**
 * Counts individual values by series and bucket until the next batch. Each batch has its own
 * `point`, so that deduplication keeps equal values from two batches or two processes.
 */
class BucketAccumulator {
  readonly #nextId: () => string;
  #rows: PerformanceMetricRow[] = [];

  constructor(nextId: () => string) {
    this.#nextId = nextId;
  }

  /** Only stores the row, because computing the sums would delay the caller. */
  add(row: PerformanceMetricRow): void {
    this.#rows.push(row);
  }

  /** Returns the sums as rows, and resets them. */
  takeRows(): MetricBucketRow[] {
    const rows = this.#rows;
    this.#rows = [];
    const sums = new Map<string, BucketSum>();
    for (const row of rows) addToSums(sums, row);
    return [...sums.values()].flatMap(({ row, timestamp, buckets }) =>
      toBucketRows(row, buckets, computePointId(this.#nextId()), timestamp),
    );
  }
}

function addToSums(sums: Map<string, BucketSum>, row: PerformanceMetricRow): void {
  const timestamp = Math.floor(row.timestamp / BUCKET_INTERVAL_MS) * BUCKET_INTERVAL_MS;
  const key = JSON.stringify([
    ...[timestamp, row.metricType, row.name, row.endpoint, row.operation, row.test],
    ...[row.organizationId, row.propertyId, row.service],
  ]);
  let sum = sums.get(key);
  if (!sum) {
    sum = { row, timestamp, buckets: new Map() };
    sums.set(key, sum);
  }
  // Uses OpenTelemetry's bucket bounds, which are in seconds, so that OpenTelemetry histograms can
  // be merged with these counts.
  const bound = computeStoredBound(row.value ?? 0, row.unit === 'ms' ? 1000 : 1);
  addToBucket(sum.buckets, bound, 1, row.errorCount ?? 0);
}
