import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import type { UnconfirmedJobs } from './unconfirmed-jobs.ts';

/** Receives the jobs and queues of libraries. */
export interface QueueRecorder {
  /** Called for each state transition. `failure` is set if an attempt failed. */
  readonly onTransition: (
    transition: JobTransition,
    failure: { error: unknown } | undefined,
  ) => void;
  /** Called for each `Queue` and `Worker` when it connects. */
  readonly onQueue: (queue: object) => void;
  /** Whether to store the data and results of jobs. */
  readonly includeJobData: boolean;
  /** Receives the first rows of jobs that Redis possibly ignored. */
  readonly unconfirmedJobs: UnconfirmedJobs;
}
