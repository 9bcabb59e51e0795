import { guard, runGuarded } from '../../core/guard.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import type { PerfscopeError } from '../../core/perfscope-error.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import type {
  JobTransition,
  QueueMetricRow,
} from '../../core/schema/tables/queue-metrics-table.ts';
import type { DroppedRowCounter } from '../../storage/spool/dropped-rows.ts';
import { getCurrentTenant } from '../instrumentation/context/tenant-context.ts';
import { BucketAccumulator } from './bucket-accumulator.ts';
import { DimensionLimits, type RowTenant } from './dimension-limits.ts';
import { toJobTransitionRow } from './job-transition-row.ts';
import { type Measurement, type ValidatedMeasurement, validateMeasurement } from './measurement.ts';

export interface MetricRecorderOptions {
  resource: ServiceResource;
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
  /** Limits the distinct values of text fields. */
  readonly limits: DimensionLimits;
  readonly #nextId = createIdGenerator();
  readonly #buckets: BucketAccumulator;
  readonly #warnOnce: (kind: string, message: string) => boolean;
  #seq = 0;
  strict: boolean;
  /** Receives each measurement in addition to the writer. */
  onMetric: ((row: PerformanceMetricRow) => void) | undefined;

  constructor(options: MetricRecorderOptions) {
    this.#options = options;
    this.limits = new DimensionLimits(options.log);
    this.#buckets = new BucketAccumulator(this.#nextId, (rows) =>
      options.add('metric_buckets', rows),
    );
    this.#warnOnce = createWarnOnce(options.log);
    this.strict = options.strict;
  }

  /** @throws PS_ROW_INVALID if the measurement is invalid and `strict` is set */
  recordMetric(measurement: Measurement, nowMs: number = Date.now()): void {
    const m = validateMeasurement(measurement, nowMs);
    if (m instanceof Error) this.reject(m);
    else this.#addMetric(m);
  }

  readonly #addMetric = guard('recordMetric', (m: ValidatedMeasurement) => {
    const { limits } = this;
    const { resource } = this.#options;
    const name = limits.limit('name', m.name);
    const { organizationId, propertyId } = limits.limitTenant(resolveTenant(m));
    // Spreading `resource` and the tenant would double the time.
    const row: PerformanceMetricRow = {
      service: limits.limit('service', m.service) ?? resource.service,
      serviceVersion: resource.serviceVersion,
      environment: resource.environment,
      instance: resource.instance,
      id: this.#nextId(),
      timestamp: m.timestampMs,
      metricType: m.metricType,
      name,
      value: m.value,
      unit: limits.limit('unit', m.unit),
      tags: m.tags,
      endpoint:
        m.endpoint === undefined
          ? getQueueName(name, m.metricType)
          : limits.limit('endpoint', m.endpoint),
      operation: limits.limit('operation', m.operation),
      queueScope: limits.limit('queueScope', m.queueScope),
      duration: m.duration ?? (m.unit === 'ms' ? m.value : undefined),
      organizationId,
      propertyId,
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
    this.onMetric?.(row);
  });

  /**
   * @returns the row, or undefined if the transition is invalid
   * @throws PS_ROW_INVALID if the transition is invalid and `strict` is set
   */
  recordQueueMetric(job: JobTransition, nowMs: number = Date.now()): QueueMetricRow | undefined {
    const row = toJobTransitionRow(job, nowMs);
    if (!(row instanceof Error)) return this.#addJob(row);
    this.reject(row);
    return undefined;
  }

  readonly #addJob = guard('recordQueueMetric', (row: QueueMetricRow): QueueMetricRow => {
    const { limits } = this;
    const { resource, add } = this.#options;
    Object.assign(row, limits.limitTenant(resolveTenant(row)));
    const queueName = limits.limit('queueName', row.queueName);
    // The job IDs of two queues can be equal, and each job keeps its own rows.
    if (queueName !== row.queueName) row.jobId = `${row.queueName}/${row.jobId}`;
    row.queueName = queueName;
    const queueScope = limits.limit('queueScope', row.queueScope);
    if (queueScope !== row.queueScope) row.jobId = `${row.queueScope}/${row.jobId}`;
    row.queueScope = queueScope;
    row.jobType = limits.limit('jobType', row.jobType);
    add('queue_metrics', [{ ...resource, ...row, id: this.#nextId(), seq: this.#seq++ }]);
    return row;
  });

  /** Records the times of a job as individual measurements, for processes without histograms. */
  recordJobTimes(job: JobTransition, failed: boolean): void {
    const { queueName: endpoint, queueScope, jobType: operation, duration, waitTime } = job;
    const common = {
      endpoint,
      operation,
      queueScope,
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
    runGuarded('recordMetric', () => this.#buckets.flush());
  }

  /**
   * Counts an invalid measurement.
   *
   * @throws `error` if `strict` is set
   */
  reject(error: PerfscopeError): void {
    const { dropped } = this.#options;
    dropped.add('invalid', 1);
    const { field, reason } = error.params;
    // In strict mode, the error reports the row.
    if (this.strict || this.#warnOnce(`${field} ${reason}`, error.message)) dropped.markReported(1);
    if (this.strict) throw error;
  }
}

/** For queue metric types, the name of a measurement is the queue name. */
function getQueueName(name: string, metricType: PerformanceMetricType): string | undefined {
  return metricType.startsWith('QUEUE_') ? name : undefined;
}

/** Returns the explicit tenant, or the current tenant. Never combines fields of both. */
function resolveTenant(explicit: RowTenant): RowTenant {
  const isExplicit = (explicit.organizationId ?? explicit.propertyId) !== undefined;
  const { organizationId, propertyId } = (isExplicit ? explicit : getCurrentTenant()) ?? {};
  return { organizationId: organizationId ?? undefined, propertyId: propertyId ?? undefined };
}
