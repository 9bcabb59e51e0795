import { type GaugePoint, gauges } from './gauges.ts';
import { type JobTotals, jobTotals } from './jobs.ts';
import type { Question } from './question.ts';
import { lengthMs } from './range.ts';
import { percentOf } from './row.ts';
import type { Store } from './store.ts';

/** Times in ms, rates per second, `failureRate` in percent of the attempts that ended. */
export interface QueueFigures {
  queue: string;
  completed: number;
  failed: number;
  stalled: number;
  failureRate: number | undefined;
  processingTime: number | undefined;
  waitTime: number | undefined;
  /** Jobs that became ready to run, and attempts that ended. */
  arrivalRate: number;
  completionRate: number;
  /** Jobs that are ready to run; undefined until something reports it. */
  depth: number | undefined;
  /** Jobs by state, in BullMQ's words. */
  depthByState: Record<string, number>;
  /** Time in ms for which the oldest job has been waiting. */
  oldestAge: number | undefined;
  workers: number | undefined;
  /** Time in ms until nothing waits, if all goes on like this; undefined when it does not shrink. */
  timeToDrain: number | undefined;
}

/** The states of a depth whose jobs could run at once; a queue of another kind names none. */
export const READY = new Set<string | undefined>([undefined, 'waiting', 'prioritized', 'paused']);
export const DEPTH = { metricType: 'QUEUE_DEPTH' } as const;
const OLDEST = { metricType: 'QUEUE_OLDEST_AGE' } as const;
const WORKERS = { metricType: 'CUSTOM', names: ['perfscope.queue.workers'] } as const;

/** All queues whose jobs, or whose depth, were seen in the range, by name. */
export async function queueFigures(store: Store, question: Question): Promise<QueueFigures[]> {
  const byQueue = { ...question, groupBy: ['queue'], step: undefined } as const;
  const [jobs, depths, ages, workers] = await Promise.all([
    jobTotals(store, byQueue),
    gauges(store, { ...byQueue, groupBy: ['queue', 'operation'] }, DEPTH),
    gauges(store, byQueue, OLDEST),
    gauges(store, byQueue, WORKERS),
  ]);
  const jobsOf = new Map(jobs.map((total) => [total.group.queue, total]));
  const lastOf = (points: typeof ages) =>
    new Map(points.map(({ group, last }) => [group.queue, last]));
  const [ageOf, workersOf] = [lastOf(ages), lastOf(workers)];
  const names = new Set([...jobs, ...depths].map(({ group }) => group.queue));
  return [...names]
    .filter((name) => name !== undefined)
    .sort()
    .map((queue) => {
      const states = depths.filter(({ group }) => group.queue === queue);
      const depth = depthOf(states);
      const depthByState = Object.fromEntries(
        states.map(({ group, last }) => [group.operation ?? 'waiting', last ?? 0]),
      );
      const flow = flowOf(jobsOf.get(queue), lengthMs(question.range));
      return {
        queue,
        depth,
        depthByState,
        ...flow,
        oldestAge: ageOf.get(queue),
        workers: workersOf.get(queue),
        timeToDrain: timeToDrain(depth, flow),
      };
    });
}

/** Jobs that are ready to run, of a queue's depths by state; undefined where none was reported. */
export function depthOf(states: readonly GaugePoint[]): number | undefined {
  const waiting = states.filter(({ group }) => READY.has(group.operation));
  return waiting.length > 0 ? waiting.reduce((sum, { last }) => sum + (last ?? 0), 0) : undefined;
}

/** What the jobs of a queue did in a range of `ms`. */
function flowOf(jobs: JobTotals | undefined, ms: number) {
  const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = jobs ?? {};
  return {
    completed,
    failed,
    stalled,
    failureRate: percentOf(failed, completed + failed),
    processingTime: jobs?.averageProcessing,
    waitTime: jobs?.averageWait,
    arrivalRate: (1000 * arrived) / ms,
    completionRate: (1000 * (completed + failed)) / ms,
  };
}

/** @returns ms; 0 for an empty queue, undefined when it does not shrink */
export function timeToDrain(
  depth: number | undefined,
  flow: { arrivalRate: number; completionRate: number },
): number | undefined {
  if (depth === undefined || depth === 0) return depth;
  const perSecond = flow.completionRate - flow.arrivalRate;
  return perSecond > 0 ? (1000 * depth) / perSecond : undefined;
}
