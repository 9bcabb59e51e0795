import { expect, it } from 'vitest';
import { UNLISTED_JOBS_METRIC } from '../../../../src/core/queue-metric-names.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { queryQueueTotals } from '../../../../src/storage/queries/queue-totals.ts';
import type { Row } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';

const RANGE = { fromMs: 0, toMs: 60_000 };

/** Returns the rows of each table, reduced to the columns that a statement groups by. */
function createClient(
  rows: Readonly<Record<string, readonly Row[]>>,
  unlisted: readonly Row[] = [],
): QueryClient {
  return {
    getCatalog: async () =>
      new Map(
        Object.keys(rows).map((name) => {
          const bounds = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };
          return [name, [{ name, unitMs: 0, ...bounds }]];
        }),
      ),
    read: async (_scope, statement) => {
      const text = JSON.stringify(statement);
      if (text.includes(UNLISTED_JOBS_METRIC)) return [...unlisted];
      const table = Object.keys(rows).find((name) => text.includes(name)) ?? '';
      return [...(rows[table] ?? [])];
    },
  };
}

const job = { status: 'completed', count: 4, processing: 40, processed: 4, waiting: 8, waited: 4 };
const message = { count: 10, errors: 3, total: 200, newest: new Date(5000) };
const client = createClient({
  queue_metrics: [
    { by_queue_name: 'mails', ...job, newest: 4000 },
    { by_queue_name: 'mails', ...job, status: 'failed', count: 1, newest: 3000 },
  ],
  performance_metrics: [
    // Jobs with rows are in the histograms too.
    { by_endpoint: 'mails', ...message },
    { by_endpoint: 'events', ...message },
  ],
});

it('reads histograms only for queues without rows for single jobs', async () => {
  const totals = await queryQueueTotals(client, {
    ...{ scope: UNRESTRICTED_SCOPE, range: RANGE },
    groupBy: ['queue', 'queueScope'],
  });
  expect(totals).toMatchObject([
    { group: { queue: 'mails' }, completed: 4, failed: 1 },
    { group: { queue: 'events' }, completed: 7, failed: 3, averageProcessing: 20, newestMs: 5000 },
  ]);
});

it('ignores the histograms of jobs that ended shortly before the range', async () => {
  const range = { fromMs: 600_000, toMs: 900_000 };
  const atWindowEnd: QueryClient = {
    ...client,
    read: async (scope, statement) => {
      const isInRange = JSON.stringify(statement).includes(new Date(range.fromMs).toJSON());
      const isJob = JSON.stringify(statement).includes('queue_metrics');
      return isJob && isInRange ? [] : client.read(scope, statement);
    },
  };
  const totals = await queryQueueTotals(atWindowEnd, {
    ...{ scope: UNRESTRICTED_SCOPE, range },
    groupBy: ['queue', 'queueScope'],
  });
  expect(totals).toMatchObject([{ group: { queue: 'events' }, completed: 7, failed: 3 }]);
});

it('adds up both kinds of queues', async () => {
  const [total, ...others] = await queryQueueTotals(client, {
    ...{ scope: UNRESTRICTED_SCOPE, range: RANGE },
    groupBy: [],
  });
  expect(others).toEqual([]);
  expect(total).toMatchObject({ group: {}, completed: 11, failed: 4, processing: 280 });
});

it('adds the messages of busy queues that have no rows', async () => {
  const state = (by_operation: string, count: number, total: number) => ({
    ...{ by_endpoint: 'orders', by_operation, count, total, newest: new Date(6000) },
  });
  const busy = createClient(
    {
      queue_metrics: [
        { by_queue_name: 'orders', ...job, newest: 4000 },
        { by_queue_name: 'orders', status: 'waiting', count: 4, processed: 0, newest: 4000 },
      ],
      performance_metrics: [{ by_endpoint: 'orders', ...message }],
    },
    [
      state('waiting', 20, 0),
      state('active', 20, 80),
      state('retried', 2, 10),
      state('failed', 3, 30),
      state('completed', 15, 150),
    ],
  );
  const totals = await queryQueueTotals(busy, {
    ...{ scope: UNRESTRICTED_SCOPE, range: RANGE },
    groupBy: ['queue', 'queueScope'],
  });
  expect(totals).toEqual([
    {
      group: { queue: 'orders', queueScope: undefined },
      bucket: undefined,
      arrived: 24,
      completed: 19,
      failed: 3,
      stalled: 0,
      processing: 220,
      waiting: 88,
      averageProcessing: 10,
      averageWork: 230 / 22,
      averageWait: 88 / 24,
      newestMs: 6000,
    },
  ]);
});
