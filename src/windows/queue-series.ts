import { gauges } from './gauges.ts';
import { type JobTotals, jobTotals } from './jobs.ts';
import { keyOf, type Question } from './question.ts';
import { DEPTH, depthOf } from './queues.ts';
import type { Range } from './range.ts';
import type { Store } from './store.ts';

/** What a queue did in a bucket of time. Times in ms; `depth` is how many jobs were ready at its end. */
interface QueuePoint
  extends Pick<
    JobTotals,
    'arrived' | 'completed' | 'failed' | 'stalled' | 'averageProcessing' | 'averageWait'
  > {
  span: Range | undefined;
  depth: number | undefined;
}

export interface QueueSeries {
  queue: string;
  /** By time; buckets in which nothing was seen are left out. */
  points: QueuePoint[];
}

/** How each queue goes on, by name. */
export async function queueSeries(store: Store, question: Question): Promise<QueueSeries[]> {
  const [jobs, depths] = await Promise.all([
    jobTotals(store, { ...question, groupBy: ['queue'] }),
    gauges(store, { ...question, groupBy: ['queue', 'operation'] }, DEPTH),
  ]);
  const keyAt = ({
    group,
    span,
  }: {
    group: { queue?: string | undefined };
    span?: Range | undefined;
  }) => keyOf([group.queue], span);
  const jobsAt = new Map(jobs.map((total) => [keyAt(total), total]));
  const depthsAt = Map.groupBy(depths, keyAt);
  const seen = new Map([...jobs, ...depths].map((each) => [keyAt(each), each]));
  const points = [...seen].map(([key, { group, span }]) => {
    const { arrived = 0, completed = 0, failed = 0, stalled = 0, ...times } = jobsAt.get(key) ?? {};
    const { averageProcessing, averageWait } = { ...NO_TIMES, ...times };
    return {
      queue: group.queue,
      point: {
        span,
        arrived,
        completed,
        failed,
        stalled,
        averageProcessing,
        averageWait,
        depth: depthOf(depthsAt.get(key) ?? []),
      },
    };
  });
  return [...Map.groupBy(points, ({ queue }) => queue)]
    .flatMap(([queue, found]) => (queue === undefined ? [] : { queue, points: inOrder(found) }))
    .sort((a, b) => (a.queue < b.queue ? -1 : 1));
}

const NO_TIMES = { averageProcessing: undefined, averageWait: undefined };

function inOrder(found: readonly { point: QueuePoint }[]): QueuePoint[] {
  return found
    .map(({ point }) => point)
    .sort((a, b) => (a.span?.fromMs ?? 0) - (b.span?.fromMs ?? 0));
}
