import type { PerfscopeError } from '../errors.ts';
import { currentTenant } from '../instrumentation/context.ts';
import { type Log, oncePerKind } from '../log.ts';
import type { Origin } from '../schema/dimensions.ts';
import { idSource } from '../schema/identity.ts';
import type { JobTransition } from '../schema/job-transition.ts';
import { PerformanceMetricType } from '../schema/metric-type.ts';
import type { PerformanceMetric } from '../schema/performance-metrics.ts';
import type { QueueMetric } from '../schema/queue-metrics.ts';
import type { Add } from '../schema/tables.ts';
import type { DroppedRows } from '../write/dropped.ts';
import { BucketSums } from './bucket-sums.ts';
import { toQueueRow } from './job-transition.ts';
import { check, type Measurement, TOO_OLD } from './measurement.ts';

export interface RecorderOptions {
  origin: Origin;
  retentionDays: number;
  add: Add;
  /** Throw what is refused, instead of dropping and counting it. */
  strict: boolean;
  /** Counts what is refused. */
  dropped: DroppedRows;
  log: Log;
}

/** Makes rows of what the application records by itself. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #nextId = idSource();
  readonly #sums = new BucketSums(this.#nextId);
  readonly #once: (kind: string, message: string) => void;
  readonly #retentionMs: number;
  #seq = 0;
  strict: boolean;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#once = oncePerKind(options.log);
    this.#retentionMs = options.retentionDays * 86_400_000;
    this.strict = options.strict;
  }

  /** @throws PS_ROW_INVALID only when strict */
  recordMetric(m: Measurement, nowMs: number = Date.now()): void {
    const checked = check(m, nowMs, this.#retentionMs);
    if (checked instanceof Error) {
      this.#refuse(checked);
      return;
    }
    const { origin } = this.#options;
    const row: PerformanceMetric = {
      ...origin,
      service: m.service ?? origin.service,
      id: this.#nextId(),
      timestamp: checked.timestampMs,
      metricType: checked.metricType,
      name: m.name,
      value: m.value,
      unit: checked.unit,
      tags: checked.tags,
      endpoint: m.endpoint ?? queueOf(m, checked.metricType),
      operation: m.operation ?? undefined,
      duration: m.duration ?? (checked.unit === 'ms' ? m.value : undefined),
      ...tenantOf(m),
      userId: m.userId ?? currentTenant()?.userId,
      count: 1,
      errorCount: m.error === true ? 1 : 0,
      abortedCount: 0,
      sum: m.value,
      min: m.value,
      max: m.value,
      test: m.test === true,
    };
    this.#sums.add(row);
    this.#options.add('performance_metrics', [row]);
  }

  /** @returns the row, undefined when it was refused. @throws PS_ROW_INVALID only when strict */
  recordQueueMetric(job: JobTransition, nowMs: number = Date.now()): QueueMetric | undefined {
    const row = toQueueRow(job, nowMs, this.#retentionMs);
    if (row instanceof Error) {
      this.#refuse(row);
      return undefined;
    }
    const { origin, add } = this.#options;
    Object.assign(row, tenantOf(row));
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
  addBuckets(): void {
    this.#options.add('metric_buckets', this.#sums.take());
  }

  #refuse(error: PerfscopeError): void {
    this.#options.dropped.add(error.params.reason === TOO_OLD ? 'expired' : 'invalid', 1);
    if (this.strict) throw error;
    this.#once(`${error.params.field} ${error.params.reason}`, error.message);
  }
}

/** What an application measures of a queue is named after it. */
function queueOf({ name }: Measurement, metricType: PerformanceMetricType): string | undefined {
  return metricType.startsWith('QUEUE_') ? name : undefined;
}

/** The tenant that is given, else the one that the running work is for: never a mixture of both. */
function tenantOf(given: { organizationId?: string | undefined; propertyId?: string | undefined }) {
  const named = given.organizationId ?? given.propertyId;
  const { organizationId, propertyId } = (named === undefined ? currentTenant() : given) ?? {};
  return { organizationId: organizationId ?? undefined, propertyId: propertyId ?? undefined };
}
