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
  /** Time in ms for which the oldest job has been waiting. */
  oldestAge: number | undefined;
}

const JOBS = `SELECT queue_name,
  avg(CASE WHEN status IN ('completed', 'failed') THEN duration END) AS processing,
  avg(CASE WHEN status IN ('completed', 'failed') THEN wait_time END) AS waited,
  sum(CASE WHEN status = 'completed' THEN 1 ELSE 0 END) AS completed,
  sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed
  FROM queue_metrics WHERE created_at > $1`;
/** A gauge is named after its instrument, what an application records after its queue. */
const DEPTH = `SELECT coalesce(endpoint, name) AS queue, operation, last(value) AS depth
  FROM performance_metrics WHERE metric_type = $1 AND coalesce(count, 1) > 0
  AND (operation IS NULL OR operation IN ('waiting', 'prioritized', 'paused'))`;
const OLDEST = `SELECT coalesce(endpoint, name) AS queue, last(value) AS age
  FROM performance_metrics WHERE metric_type = $1 AND coalesce(count, 1) > 0`;

/** All queues whose jobs were seen in the range. */
export async function queueFigures(query: Query, range: Range): Promise<QueueFigures[]> {
  const [jobs, depths, ages] = await Promise.all([
    // A job that was blanked by `cleanup` has no time of creation left.
    scoped(query, range, JOBS, [new Date(1)], 'GROUP BY queue_name ORDER BY queue_name'),
    scoped(query, range, DEPTH, ['QUEUE_DEPTH'], 'GROUP BY queue, operation'),
    scoped(query, range, OLDEST, ['QUEUE_OLDEST_AGE'], 'GROUP BY queue'),
  ]);
  const depthOf = new Map<string | undefined, number>();
  for (const row of depths) {
    const queue = textOf(row.queue);
    depthOf.set(queue, (depthOf.get(queue) ?? 0) + (numberOf(row.depth) ?? 0));
  }
  const ageOf = new Map(ages.map((row) => [textOf(row.queue), numberOf(row.age)]));
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
      oldestAge: ageOf.get(queue),
    };
  });
}
