import type { Query } from '../questdb/reader.ts';
import type { Range } from './range.ts';
import { numberOf, scoped, textOf } from './scope.ts';

/** Times in ms, `failureRate` in percent of the jobs that ended. */
export interface QueueFigures {
  queue: string;
  processingTime: number | undefined;
  waitTime: number | undefined;
  completed: number;
  failed: number;
  failureRate: number | undefined;
  /** Jobs that wait; undefined until something reports it. */
  depth: number | undefined;
}

const JOBS = `SELECT queue_name, avg(duration) AS processing, avg(wait_time) AS waited,
  sum(CASE WHEN status = 'completed' THEN 1 ELSE 0 END) AS completed,
  sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed
  FROM queue_metrics WHERE created_at > $1`;
const DEPTH = `SELECT name, last(value) AS depth FROM performance_metrics
  WHERE metric_type = $1 AND count > 0`;

/** All queues that reported in the range. A depth is that of `recordMetric` under the queue's name. */
export async function queueFigures(query: Query, range: Range): Promise<QueueFigures[]> {
  const [jobs, depths] = await Promise.all([
    // A job that was blanked by `cleanup` has no time of creation left.
    scoped(query, range, JOBS, [new Date(1)], 'GROUP BY queue_name ORDER BY queue_name'),
    scoped(query, range, DEPTH, ['QUEUE_DEPTH'], 'GROUP BY name'),
  ]);
  const depthOf = new Map(depths.map((row) => [textOf(row.name), numberOf(row.depth)]));
  return jobs.map((row) => {
    const queue = textOf(row.queue_name) ?? '';
    const completed = numberOf(row.completed) ?? 0;
    const failed = numberOf(row.failed) ?? 0;
    const ended = completed + failed;
    return {
      ...{ queue, completed, failed },
      processingTime: numberOf(row.processing),
      waitTime: numberOf(row.waited),
      failureRate: ended > 0 ? (100 * failed) / ended : undefined,
      depth: depthOf.get(queue),
    };
  });
}
