import { MINUTE_MS } from '../../core/duration.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { type JobTotals, queryJobTotals } from './job-totals.ts';
import { queryMessageTotals } from './message-totals.ts';
import { type Dimension, type Query, toGroupKey } from './query-definition.ts';

/** Queues with the same name and different scopes are different queues. */
export const BY_QUEUE = ['queue', 'queueScope'] as const;

/** Returns a key of a queue that is unique across scopes. */
export function toQueueKey({ group }: Pick<JobTotals, 'group'>): string {
  return toGroupKey([group.queue, group.queueScope]);
}

/**
 * Histograms are exported later than their jobs end. At the start of a range, the histograms of a job can be in the range
 * when its rows aren't.
 */
const MAX_EXPORT_DELAY_MS = 10 * MINUTE_MS;

/**
 * Returns the totals of jobs and of processed messages, for each group and time bucket that has any. Jobs with rows are in
 * the histograms too. So histograms are used only for queues without rows in the range or shortly before it.
 */
export async function queryQueueTotals(
  queryClient: QueryClient,
  query: Query,
): Promise<JobTotals[]> {
  const { groupBy = [] } = query;
  const range = { ...query.range, fromMs: query.range.fromMs - MAX_EXPORT_DELAY_MS };
  const [jobs, messages, queues] = await Promise.all([
    queryJobTotals(queryClient, query),
    queryMessageTotals(queryClient, {
      ...query,
      groupBy: [...new Set<Dimension>([...groupBy, ...BY_QUEUE])],
    }),
    queryJobTotals(queryClient, { ...query, range, groupBy: BY_QUEUE, step: undefined }),
  ]);
  const queuesWithRows = new Set(queues.map(toQueueKey));
  const others = messages
    .filter((each) => !queuesWithRows.has(toQueueKey(each)))
    .map(({ group, ...totals }) => ({
      ...totals,
      group: Object.fromEntries(groupBy.map((name) => [name, group[name]])),
    }));
  return mergeTotals([...jobs, ...others]);
}

function mergeTotals(totals: readonly JobTotals[]): JobTotals[] {
  const merged = new Map<string, JobTotals>();
  for (const each of totals) {
    const key = toGroupKey(each.group, each.bucket);
    const known = merged.get(key);
    merged.set(key, known ? addTotals(known, each) : each);
  }
  return [...merged.values()];
}

function addTotals(a: JobTotals, b: JobTotals): JobTotals {
  const mean = (name: 'averageProcessing' | 'averageWork' | 'averageWait') => {
    const parts = [a, b].flatMap(({ completed, failed, [name]: average }) =>
      average === undefined ? [] : { average, count: completed + failed },
    );
    const count = parts.reduce((sum, part) => sum + part.count, 0);
    if (count === 0) return undefined;
    return parts.reduce((sum, part) => sum + part.average * part.count, 0) / count;
  };
  return {
    group: a.group,
    bucket: a.bucket,
    arrived: a.arrived + b.arrived,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    stalled: a.stalled + b.stalled,
    averageProcessing: mean('averageProcessing'),
    averageWork: mean('averageWork'),
    averageWait: mean('averageWait'),
    processing: a.processing + b.processing,
    waiting: a.waiting + b.waiting,
    newestMs: Math.max(a.newestMs, b.newestMs),
  };
}
