import { afterAll, beforeAll, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { StorageMonitor } from '../../../../src/storage/questdb/storage-monitor.ts';
import { createEvaluator, createQueryClient } from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { suspendTable } from '../../../support/suspend-table.ts';
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb({ isShared: true });
const log: string[] = [];
const disk = { freeBytes: 1000, totalBytes: 10_000 };
const START_MS = Date.now() - 60 * MINUTE_MS;
/** Minutes since the start of the test's clock. */
let minute = 0;
const getNow = () => START_MS + minute * MINUTE_MS;
let lastDegradedMs: number | undefined;
let queryClient: QuestdbQueryClient;
let monitor: StorageMonitor;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);
  const write = (message: string) => void log.push(message);
  monitor = new StorageMonitor({
    target: () => questdb.target,
    read: queryClient.read,
    questdbDir: '/data/questdb',
    minFreeDiskBytes: 500,
    readDisk: async () => disk,
    log: { info: write, warn: write, error: write },
  });
});
afterAll(async () => {
  await queryClient?.close();
  await questdb.remove();
});

/** Creates an evaluator, and returns a function that lists the changes of the alert `no-data`. */
function createNoDataCheck({ knowsStorage }: { knowsStorage: boolean }) {
  // The monitor uses the system's clock.
  const getCompleteness = () => ({
    isReachable: monitor.isReachable,
    lastDegradedMs: monitor.lastDegradedMs && lastDegradedMs,
  });
  const evaluator = createEvaluator({
    queryClient,
    add: () => {},
    flush: async () => {},
    now: getNow,
    ...(knowsStorage && { getCompleteness }),
  });
  return async () => {
    const transitions = await evaluator.runOnce();
    const alerts = transitions.filter(({ rule }) => rule === 'no-data');
    return alerts.map(({ state }) => `${minute} ${state}`);
  };
}

async function checkStorage(): Promise<void> {
  await monitor.tick();
  if (monitor.status.problems.length > 0) lastDegradedMs = getNow();
}

const insertRow = () =>
  questdb.sql(
    `INSERT INTO performance_metrics (timestamp, id, metric_type, name, service, value)
     VALUES (${getNow()}000L, 'r${minute}', 'CUSTOM', 'n', 'booking', 1)`,
  );

async function countRows(): Promise<number> {
  const [[count] = []] = await questdb.sql('SELECT count() FROM performance_metrics');
  return Number(count);
}

it('reports no silent service while its table is suspended, and resumes the table', async () => {
  const check = createNoDataCheck({ knowsStorage: true });
  const checkWithoutStorage = createNoDataCheck({ knowsStorage: false });
  // The service has already run for five minutes.
  for (minute = -5; minute < 0; minute++) await insertRow();
  await insertRow();
  await waitFor(async () => (await countRows()) === 6);
  await checkStorage();
  expect([await check(), await checkWithoutStorage()]).toEqual([[], []]);

  // The disk is full from minute 1 to 7. The service sends a row each minute.
  disk.freeBytes = 100;
  await suspendTable(questdb, 'performance_metrics', "WITH 'DISK FULL', 'no space'");
  const changes: string[] = [];
  const changesWithoutStorage: string[] = [];
  for (minute = 1; minute <= 7; minute++) {
    await insertRow();
    await checkStorage();
    changes.push(...(await check()));
    changesWithoutStorage.push(...(await checkWithoutStorage()));
  }
  expect(monitor.status.problems.map(({ kind }) => kind)).toEqual(['low_disk', 'suspended']);
  expect(await countRows()).toBe(6);
  expect(changes).toEqual([]);
  expect(changesWithoutStorage).toEqual([expect.stringContaining('firing')]);

  disk.freeBytes = 1000;
  await checkStorage();
  await waitFor(async () => (await countRows()) === 13);
  await waitFor(async () => {
    await checkStorage();
    return monitor.status.problems.length === 0;
  });
  expect(log).toEqual([
    expect.stringContaining('Only 100 B are free'),
    expect.stringContaining('suspended: performance_metrics (DISK FULL: no space)'),
    'Enough disk space is free again. Database writes continue.',
    'Resuming the suspended table performance_metrics. QuestDB applies all waiting rows.',
    'QuestDB stores rows in performance_metrics again.',
  ]);

  // From minute 8 on, the service is silent. Its last row leaves the window of 2 min at minute 10.
  for (minute = 8; minute <= 20; minute++) changes.push(...(await check()));
  expect(changes).toEqual(['13 firing']);
});
