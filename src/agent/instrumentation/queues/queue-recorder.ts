import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import type { QueueGauges } from './queue-gauges.ts';

/** Receives the jobs and queues of libraries. */
export interface QueueRecorder {
  /** Called for each state transition. `failure` is set if an attempt failed. */
  readonly onTransition: (
    transition: JobTransition,
    failure: { error: unknown } | undefined,
  ) => void;
  /**
   * Called for each state transition of a message without rows. Its times are added to the histograms of its
   * queue, and the transition is counted.
   */
  readonly onUnlistedTransition: (
    transition: JobTransition,
    failure: { error: unknown } | undefined,
  ) => void;
  /** Receives the objects whose queues are polled for their depth. */
  readonly gauges: Pick<QueueGauges, 'add'>;
  /** Whether to store the data and results of jobs. */
  readonly includeJobData: boolean;
  /** Whether messages and jobs contain their tenant and time. The agent removes them before the consumer's code runs. */
  readonly usesMessageHeaders: boolean;
  /** Whether to request the depth of SQS queues, which costs money. */
  readonly readSqsDepth: boolean;
}
