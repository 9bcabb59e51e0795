import { DAY_MS } from '../../core/duration.ts';
import type { PerfscopeError } from '../../core/errors.ts';
import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
  toBucketRows,
} from '../../core/histogram/histogram-buckets.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
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
import { type Measurement, TOO_OLD_REASON, validateMeasurement } from './measurement.ts';

export interface MetricRecorderOptions {
  resource: ServiceResource;
  retentionDays: number;
  add: AddRows;
  /** Throw what is refused, instead of dropping and counting it. */
  strict: boolean;
  /** Counts what is refused. */
  dropped: DroppedRowCounter;
  log: Logger;
}

/** Makes rows of what the application records by itself. */
export class MetricRecorder {
  readonly #options: MetricRecorderOptions;
  readonly #nextId = createIdGenerator();
  readonly #buckets = new BucketAccumulator(this.#nextId);
  readonly #logOnce: (kind: string, message: string) => void;
  readonly #retentionMs: number;
  #seq = 0;
  strict: boolean;

  constructor(options: MetricRecorderOptions) {
    this.#options = options;
    this.#logOnce = createWarnOnce(options.log);
    this.#retentionMs = options.retentionDays * DAY_MS;
    this.strict = options.strict;
  }

  /** @throws PS_ROW_INVALID only when strict */
  recordMetric(m: Measurement, nowMs: number = Date.now()): void {
    const checked = validateMeasurement(m, nowMs, this.#retentionMs);
    if (checked instanceof Error) {
      this.#reject(checked);
      return;
    }
    const { resource: origin } = this.#options;
    const row: PerformanceMetricRow = {
      ...origin,
      service: m.service ?? origin.service,
      id: this.#nextId(),
      timestamp: checked.timestampMs,
      metricType: checked.metricType,
      name: m.name,
      value: m.value,
      unit: checked.unit,
      tags: checked.tags,
      endpoint: m.endpoint ?? getQueueName(m, checked.metricType),
      operation: m.operation ?? undefined,
      duration: m.duration ?? (checked.unit === 'ms' ? m.value : undefined),
      ...resolveTenant(m),
      userId: m.userId ?? getCurrentTenant()?.userId,
      count: 1,
      errorCount: m.error === true ? 1 : 0,
      abortedCount: 0,
      sum: m.value,
      min: m.value,
      max: m.value,
      test: m.test === true,
    };
    this.#buckets.add(row);
    this.#options.add('performance_metrics', [row]);
  }

  /** @returns the row, undefined when it was refused. @throws PS_ROW_INVALID only when strict */
  recordQueueMetric(job: JobTransition, nowMs: number = Date.now()): QueueMetricRow | undefined {
    const row = toJobTransitionRow(job, nowMs, this.#retentionMs);
    if (row instanceof Error) {
      this.#reject(row);
      return undefined;
    }
    const { resource: origin, add } = this.#options;
    Object.assign(row, resolveTenant(row));
    add('queue_metrics', [{ ...origin, ...row, id: this.#nextId(), seq: this.#seq++ }]);
    return row;
  }

  /** A job's times as single measurements, where no histograms are kept. */
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

  /** Adds the buckets of what was recorded since the last batch. */
  addBucketRows(): void {
    this.#options.add('metric_buckets', this.#buckets.takeRows());
  }

  #reject(error: PerfscopeError): void {
    this.#options.dropped.add(error.params.reason === TOO_OLD_REASON ? 'expired' : 'invalid', 1);
    if (this.strict) throw error;
    this.#logOnce(`${error.params.field} ${error.params.reason}`, error.message);
  }
}

/** What an application measures of a queue is named after it. */
function getQueueName(
  { name }: Measurement,
  metricType: PerformanceMetricType,
): string | undefined {
  return metricType.startsWith('QUEUE_') ? name : undefined;
}

/** The tenant that is given, else the one that the running work is for: never a mixture of both. */
function resolveTenant(given: {
  organizationId?: string | undefined;
  propertyId?: string | undefined;
}) {
  const named = given.organizationId ?? given.propertyId;
  const { organizationId, propertyId } = (named === undefined ? getCurrentTenant() : given) ?? {};
  return { organizationId: organizationId ?? undefined, propertyId: propertyId ?? undefined };
}

/** Values of one series are summed for as long as this, so that a window's edge stays sharp. */
const BUCKET_INTERVAL_MS = 1000;

interface BucketSum {
  row: PerformanceMetricRow;
  timestamp: number;
  buckets: BucketCounts;
}

/**
 * Sums single values per series and bucket until a batch takes them. Each batch is a `point` of
 * its own, so equal values of two batches, or of two processes, stay two.
 */
class BucketAccumulator {
  readonly #nextId: () => string;
  #rows: PerformanceMetricRow[] = [];

  constructor(nextId: () => string) {
    this.#nextId = nextId;
  }

  /** Only remembers: whoever records must not wait for sums. */
  add(row: PerformanceMetricRow): void {
    this.#rows.push(row);
  }

  /** Gives the sums as rows and begins anew. */
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
  // Times lie on the bounds of seconds, like OpenTelemetry's, so that both merge exactly.
  const bound = computeStoredBound(row.value ?? 0, row.unit === 'ms' ? 1000 : 1);
  addToBucket(sum.buckets, bound, 1, row.errorCount ?? 0);
}
