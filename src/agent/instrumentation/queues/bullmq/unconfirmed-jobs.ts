import type { JobTransition } from '../../../../core/schema/tables/queue-metrics-table.ts';

/** Maximum number of queues, and of job IDs to check per queue and poll. */
const MAX_QUEUES = 100;
const MAX_IDS_PER_QUEUE = 500;
/** Maximum number of rows with the same ID to remember until the next poll. */
const MAX_ROWS_PER_ID = 20;

/** Maximum difference between the creation time of a scheduler's job in this process and in Redis, in ms. */
const MAX_SCHEDULER_DIFFERENCE_MS = 5000;

/** Rows of jobs whose creation time is set by Redis. */
const schedulerRows = new WeakSet<JobTransition>();

/** Marks the row of a job that a job scheduler added. Redis sets its creation time. */
export function markSchedulerRow(row: JobTransition): void {
  schedulerRows.add(row);
}

/** Rows of one queue, by job ID. */
type RowsById = Map<string, JobTransition[]>;

interface AddedJob {
  readonly opts?: {
    readonly jobId?: string | undefined;
    readonly deduplication?: unknown;
    /** The name of `deduplication` in Bull, and in older versions of BullMQ. */
    readonly debounce?: unknown;
  };
}

/** Returns whether Redis ignores the job if an equal job exists. The result of BullMQ and Bull doesn't show it. */
export function canBeIgnored({ opts }: AddedJob): boolean {
  return (
    opts?.jobId !== undefined || opts?.deduplication !== undefined || opts?.debounce !== undefined
  );
}

/**
 * First rows of jobs that this process added and that Redis possibly ignored as duplicates. The next poll
 * of the queue reads the creation times of the stored jobs. If the time of a row matches, the job was
 * accepted. If a job ends before the poll, its worker records it.
 */
export class UnconfirmedJobs {
  readonly #queues = new Map<string, RowsById>();

  add(queueKey: string, row: JobTransition): void {
    const rowsById = this.#queues.get(queueKey) ?? new Map<string, JobTransition[]>();
    if (!this.#queues.has(queueKey)) {
      if (this.#queues.size >= MAX_QUEUES) return;
      this.#queues.set(queueKey, rowsById);
    }
    const { jobId = '' } = row;
    const rows = rowsById.get(jobId);
    if (rows && rows.length < MAX_ROWS_PER_ID) rows.push(row);
    else if (rows) rows[MAX_ROWS_PER_ID - 1] = row;
    else if (rowsById.size < MAX_IDS_PER_QUEUE) rowsById.set(jobId, [row]);
  }

  /** Removes and returns the rows of a queue. */
  take(queueKey: string): ReadonlyMap<string, readonly JobTransition[]> {
    const rows = this.#queues.get(queueKey) ?? new Map<string, JobTransition[]>();
    this.#queues.delete(queueKey);
    return rows;
  }

  /** Adds the rows of a poll that failed. */
  restore(queueKey: string, rowsById: ReadonlyMap<string, readonly JobTransition[]>): void {
    for (const row of [...rowsById.values()].flat()) this.add(queueKey, row);
  }
}

/**
 * Returns the rows of the jobs that Redis accepted.
 *
 * @param createdMs creation time of each stored job, in ms since the epoch, in the order of `rowsById`
 */
export function selectAccepted(
  rowsById: ReadonlyMap<string, readonly JobTransition[]>,
  createdMs: readonly number[],
): JobTransition[] {
  return [...rowsById.values()].flatMap((rows, i) => {
    const createdAt = createdMs[i] ?? Number.NaN;
    const accepted = rows.find((row) => isAccepted(row, createdAt));
    if (!accepted) return [];
    return [
      schedulerRows.has(accepted) ? { ...accepted, timestamp: createdAt, createdAt } : accepted,
    ];
  });
}

function isAccepted(row: JobTransition, createdMs: number): boolean {
  const timestamp = Number(row.timestamp);
  if (!schedulerRows.has(row)) return timestamp === createdMs;
  return Math.abs(timestamp - createdMs) < MAX_SCHEDULER_DIFFERENCE_MS;
}
