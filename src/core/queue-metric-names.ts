/**
 * Histogram of the state transitions without rows in `queue_metrics`. The agent lists only some messages of busy queues,
 * so the totals of a queue are the sums of both.
 */
export const UNLISTED_JOBS_METRIC = 'perfscope.queue.unlisted.duration';
