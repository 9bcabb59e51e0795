import { QueueJobStatus } from '../../core/schema/enums.ts';
import type { QueueMetricRow } from '../../core/schema/tables/queue-metrics-table.ts';

/** A job's latest state, from its state changes. Times in ms since the epoch, durations in ms. */
export interface JobSummary {
  readonly queue: string;
  /** Distinguishes queues with the same name. */
  readonly scope: string | undefined;
  readonly jobId: string;
  readonly jobType: string | undefined;
  readonly status: string | undefined;
  /** Time of the latest state change. */
  readonly changedMs: number;
  readonly createdMs: number | undefined;
  /** Start of the last attempt. */
  readonly startedMs: number | undefined;
  /** Time at which the job completed or failed; `undefined` if it hasn't ended. */
  readonly finishedMs: number | undefined;
  /** Waiting time before the last attempt. */
  readonly waitTime: number | undefined;
  /** Processing time of the last attempt; `undefined` while it is running. */
  readonly duration: number | undefined;
  readonly attempts: number | undefined;
  readonly maxAttempts: number | undefined;
  /** Error of the last failed attempt. A job that completed has none. */
  readonly errorMessage: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
}

/**
 * The order of states that a job had in the same millisecond. The rank of a state is its position plus 1.
 * Unknown states have the rank 0.
 */
export const STATUS_ORDER: readonly string[] = [
  QueueJobStatus.WAITING_CHILDREN,
  QueueJobStatus.DELAYED,
  QueueJobStatus.WAITING,
  QueueJobStatus.PRIORITIZED,
  QueueJobStatus.ACTIVE,
  QueueJobStatus.STALLED,
  QueueJobStatus.COMPLETED,
  QueueJobStatus.FAILED,
];

const ENDED_STATUSES: ReadonlySet<string | undefined> = new Set<string>([
  QueueJobStatus.COMPLETED,
  QueueJobStatus.FAILED,
]);

/** Sorts the state changes of one job, oldest first. */
export function sortJobRows(rows: readonly QueueMetricRow[]): QueueMetricRow[] {
  const rank = ({ status = '' }: QueueMetricRow) => STATUS_ORDER.indexOf(status);
  return rows.toSorted(
    (a, b) => a.timestamp - b.timestamp || rank(a) - rank(b) || (a.seq ?? 0) - (b.seq ?? 0),
  );
}

/** Returns the latest state of a job. @param rows its state changes, sorted with `sortJobRows` */
export function summarizeJob(rows: readonly QueueMetricRow[]): JobSummary {
  const last = rows.at(-1);
  const status = last?.status;
  // Queue libraries report a stalled job without its data, so the row has default values.
  const described = rows.filter((row) => row.status !== QueueJobStatus.STALLED);
  const lastStart = rows.findLastIndex((row) => row.status === QueueJobStatus.ACTIVE);
  const attempt = rows.slice(Math.max(0, lastStart));
  const known = described.length > 0 ? described : rows;
  const hasEnded = ENDED_STATUSES.has(status);
  const hasCompleted = status === QueueJobStatus.COMPLETED;
  return {
    queue: findLast(rows, 'queueName') ?? '',
    scope: findLast(rows, 'queueScope'),
    jobId: findLast(rows, 'jobId') ?? '',
    jobType: findLast(rows, 'jobType'),
    status,
    changedMs: last?.timestamp ?? Number.NaN,
    createdMs: findFirst(known, 'createdAt'),
    startedMs: findLast(rows, 'startedAt'),
    finishedMs: hasEnded ? (last?.completedAt ?? last?.failedAt ?? last?.timestamp) : undefined,
    waitTime: findLast(attempt, 'waitTime'),
    duration: findLast(attempt, 'duration'),
    attempts: findLast(known, 'attempts'),
    maxAttempts: findLast(known, 'maxAttempts'),
    errorMessage: hasCompleted ? undefined : findLast(rows, 'errorMessage'),
    organizationId: findLast(rows, 'organizationId'),
    propertyId: findLast(rows, 'propertyId'),
  };
}

function findLast<K extends keyof QueueMetricRow>(
  rows: readonly QueueMetricRow[],
  column: K,
): QueueMetricRow[K] {
  return rows.findLast((row) => row[column] !== undefined)?.[column] as QueueMetricRow[K];
}

function findFirst<K extends keyof QueueMetricRow>(
  rows: readonly QueueMetricRow[],
  column: K,
): QueueMetricRow[K] {
  return rows.find((row) => row[column] !== undefined)?.[column] as QueueMetricRow[K];
}
