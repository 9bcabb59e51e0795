import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { RollupRepairJob } from '../../../../src/storage/migrations/rollup-repair-job.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const MINUTE_MS = 60_000;

interface FakeView {
  readonly name: string;
  readonly base: string;
  reason?: string | null;
}

/** Starts a QuestDB with invalid views without rows. */
async function startJob(views: readonly FakeView[], isRejected: (statement: string) => boolean) {
  const statements: string[] = [];
  const getDataset = (statement: string) => {
    if (statement.includes('materialized_views')) {
      return views.map(({ name, base, reason = null }) => [name, base, 'invalid', reason, null]);
    }
    if (!statement.includes('FROM tables()')) return [[null, null]];
    return views.flatMap(({ name, base }, i) => [
      [base, i + 1],
      [name, i + 100],
    ]);
  };
  const server = createServer(({ url = '' }, response) => {
    const statement = new URL(url, 'http://localhost').searchParams.get('query') ?? '';
    statements.push(statement);
    if (isRejected(statement)) response.writeHead(400).end('{"error":"rejected"}');
    else response.end(JSON.stringify({ columns: [], dataset: getDataset(statement) }));
  });
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  const log: string[] = [];
  const write = (text: string) => void log.push(text);
  const state = { now: 0, isStoringRows: true };
  const job = new RollupRepairJob({
    target: () => ({ url }),
    retention: DEFAULT_RETENTION,
    isStoringRows: () => state.isStoringRows,
    log: { info: write, warn: write, error: write },
    now: () => state.now,
  });
  const listRefreshes = () => statements.filter((each) => each.startsWith('REFRESH'));
  return { job, log, state, listRefreshes, statements };
}

it.each([
  [null, 'QuestDB invalidated the roll-up queue_metrics_1m. Perfscope is rebuilding it.'],
  [
    'update operation',
    'QuestDB invalidated the roll-up queue_metrics_1m (update operation). Perfscope is rebuilding it.',
  ],
])('logs an invalid roll-up with the reason %j', async (reason, message) => {
  const views = [{ name: 'queue_metrics_1m', base: 'queue_metrics', reason }];
  const { job, log } = await startJob(views, () => false);
  await job.runOnce();
  expect(log).toEqual([message]);
});

it('repairs the other roll-ups if one repair fails, and logs the failure once', async () => {
  const views = [
    { name: 'performance_metrics_1m', base: 'performance_metrics' },
    { name: 'queue_metrics_1m', base: 'queue_metrics' },
  ];
  const { job, log, state, listRefreshes } = await startJob(views, (statement) =>
    statement.endsWith('FROM performance_metrics_1m'),
  );
  for (let minute = 0; minute < 3; minute++) {
    state.now = minute * MINUTE_MS;
    await job.runOnce();
  }
  expect(listRefreshes()).toContain('REFRESH MATERIALIZED VIEW queue_metrics_1m FULL');
  expect(log).toEqual([
    expect.stringContaining('performance_metrics_1m. Perfscope could not repair it'),
    'QuestDB invalidated the roll-up queue_metrics_1m. Perfscope is rebuilding it.',
  ]);
});

it('waits longer after each rebuild that did not help, up to an hour', async () => {
  const views = [{ name: 'queue_metrics_1m', base: 'queue_metrics' }];
  const { job, log, state, listRefreshes } = await startJob(views, () => false);
  const minutes: number[] = [];
  for (let minute = 0; minute < 300; minute++) {
    state.now = minute * MINUTE_MS;
    const before = listRefreshes().length;
    await job.runOnce();
    if (listRefreshes().length > before) minutes.push(minute);
  }
  expect(minutes).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  expect(log).toHaveLength(1);
});

it('repairs nothing while QuestDB does not store rows', async () => {
  const views = [{ name: 'queue_metrics_1m', base: 'queue_metrics' }];
  const { job, state, statements } = await startJob(views, () => false);
  state.isStoringRows = false;
  await job.runOnce();
  expect(statements).toEqual([]);
});
