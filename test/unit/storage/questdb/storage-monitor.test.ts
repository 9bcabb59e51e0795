import { createServer } from 'node:http';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { createError, type PerfscopeError } from '../../../../src/core/perfscope-error.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import type { DiskSpace } from '../../../../src/storage/questdb/disk-space.ts';
import { createFailFastClient } from '../../../../src/storage/questdb/fail-fast-client.ts';
import { StorageMonitor } from '../../../../src/storage/questdb/storage-monitor.ts';
import { sql } from '../../../../src/storage/sql/sql-builder.ts';
import { FakeQuestdb, type FakeQuestdbBehavior } from '../../../support/fake-questdb.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { waitFor } from '../../../support/wait-for.ts';

const servers: FakeQuestdb[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

const DISK = { freeBytes: 1000, totalBytes: 10_000 };

async function createMonitor(behavior: FakeQuestdbBehavior = 'stores') {
  const server = new FakeQuestdb(behavior);
  servers.push(server);
  await server.start();
  const log: string[] = [];
  const write = (message: string) => void log.push(message);
  const state = {
    now: 0,
    disk: DISK as DiskSpace | undefined,
    readDisk: async () => state.disk,
    conflicts: [] as PerfscopeError[],
    changes: 0,
    log,
    server,
  };
  const monitor = new StorageMonitor({
    target: () => ({ url: server.url }),
    read: async () => [],
    questdbDir: '/data/questdb',
    minFreeDiskBytes: 500,
    log: { info: write, warn: write, error: write },
    now: () => state.now,
    readDisk: () => state.readDisk(),
    getConflicts: () => state.conflicts,
  });
  monitor.onChange(() => state.changes++);
  /** Runs a tick `seconds` later. */
  const tick = async (seconds = 2) => {
    state.now += seconds * 1000;
    await monitor.tick();
    return monitor.status.problems.map(({ kind }) => kind);
  };
  return { state, monitor, tick };
}

it('pauses writes while little disk space is left, and logs the start and the end', async () => {
  const { state, monitor, tick } = await createMonitor();
  expect(await tick()).toEqual([]);
  expect(monitor.pauseReason).toBeUndefined();
  state.disk = { ...DISK, freeBytes: 499 };
  expect(await tick()).toEqual(['low_disk']);
  expect(await tick()).toEqual(['low_disk']);
  expect(monitor.pauseReason).toBe('little disk space is left');
  expect(state.changes).toBe(1);
  state.disk = { ...DISK, freeBytes: 600 };
  expect(await tick()).toEqual(['low_disk']);
  state.disk = { ...DISK, freeBytes: 625 };
  expect(await tick()).toEqual([]);
  expect(monitor.pauseReason).toBeUndefined();
  expect(state.changes).toBe(2);
  expect(state.log).toEqual([
    'Only 499 B are free on the disk of /data/questdb, so database writes are paused (limit: 500 B). Rows wait in the spool. Writes continue after you free disk space.',
    'Enough disk space is free again. Database writes continue.',
  ]);
});

it('does not pause writes if the free space is unknown', async () => {
  const { state, monitor, tick } = await createMonitor();
  state.disk = undefined;
  expect(await tick()).toEqual([]);
  expect(monitor.pauseReason).toBeUndefined();
});

it('reports a QuestDB that rejects connections, and logs it if it lasts', async () => {
  const { state, monitor, tick } = await createMonitor();
  expect(await tick()).toEqual([]);
  state.server.stop();
  expect(await tick()).toEqual(['unreachable']);
  expect(state.log).toEqual([]);
  expect(monitor.unreachableSignal.aborted).toBe(true);
  await tick();
  await tick();
  const cause = `connect ECONNREFUSED ${state.server.url.replace('http://', '')}`;
  expect(state.log).toEqual([
    `QuestDB does not respond: ${cause}. Rows wait in the spool. Check that QuestDB is running, and check its log.`,
  ]);
  expect(monitor.status.problems[0]!.error.message).toBe(
    `The service is temporarily unavailable: QuestDB does not respond (${cause}). Try again later.`,
  );
});

const hang = () => new Promise<never>(() => {});

it('reports a QuestDB that accepts connections and never responds after 5 s', async () => {
  const { state, monitor, tick } = await createMonitor('hangs');
  expect(await tick(0)).toEqual([]);
  expect(await tick(4)).toEqual([]);
  expect(await tick(1)).toEqual(['unreachable']);
  expect(monitor.status.problems[0]!.error.message).toContain('no response for 5 s');
  expect(await tick()).toEqual(['unreachable']);
  expect(state.log).toEqual([expect.stringContaining('no response for 7 s')]);
  // Aborted queries end at once.
  const client = createFailFastClient({ read: hang, scan: hang, getCatalog: hang }, monitor);
  await expect(client.read(UNRESTRICTED_SCOPE, sql`SELECT 1`)).rejects.toMatchObject({
    code: 'PS_UNAVAILABLE',
  });
});

it('ends a running query when QuestDB becomes unreachable', async () => {
  const controller = new AbortController();
  const monitor = { unreachableSignal: controller.signal };
  const client = createFailFastClient({ read: hang, scan: hang, getCatalog: hang }, monitor);
  const queries = [
    client.read(UNRESTRICTED_SCOPE, sql`SELECT 1`),
    client.scan(UNRESTRICTED_SCOPE, sql`SELECT 1`, 0),
    client.getCatalog(),
  ];
  controller.abort(new Error('gone'));
  for (const query of queries) await expect(query).rejects.toThrow('gone');
});

it('answers a check within its time limit', async () => {
  const { monitor } = await createMonitor('hangs');
  expect(await monitor.check(10)).toMatchObject({ problems: [] });
});

it('reports a QuestDB that stops responding while suspended tables are resumed', async () => {
  const statements: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    statements.push(decodeURIComponent(url));
    if (statements.some((each) => each.includes('RESUME WAL'))) return;
    const dataset = ['alerts', 'silences'].map((name) => [name, true, 2, 1, '', 'disk full']);
    response.end(JSON.stringify({ columns: [], dataset }));
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  let now = 0;
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const monitor = new StorageMonitor({
    target: () => ({ url }),
    read: async () => [],
    log,
    now: () => now,
  });
  await monitor.tick();
  expect(monitor.status.problems.map(({ kind }) => kind)).toEqual(['suspended']);
  await waitFor(async () => statements.some((each) => each.includes('RESUME WAL')));
  await monitor.tick();
  now += 6000;
  await monitor.tick();
  expect(monitor.status.problems.map(({ kind }) => kind)).toContain('unreachable');
  expect(monitor.unreachableSignal.aborted).toBe(true);
  expect(statements.filter((each) => each.includes('RESUME WAL'))).toHaveLength(1);
});

it('still checks QuestDB while the disk does not respond', async () => {
  const { state, monitor, tick } = await createMonitor();
  expect(await tick()).toEqual([]);
  let reads = 0;
  state.disk = undefined;
  state.readDisk = () => {
    reads++;
    return new Promise(() => {});
  };
  expect(await tick()).toEqual([]);
  state.server.stop();
  expect(await tick()).toEqual(['unreachable']);
  expect(monitor.isReachable).toBe(false);
  expect(reads).toBe(1);
});

it('does not treat a schema conflict as a time with missing rows', async () => {
  const { state, monitor, tick } = await createMonitor();
  const error = createError('PS_SCHEMA_CONFLICT', {
    object: 'The column a of the table b',
    problem: 'has the type LONG',
    part: 'column',
    statement: 'c',
  });
  state.conflicts = [error];
  expect(await tick()).toEqual(['schema']);
  expect(await tick()).toEqual(['schema']);
  expect(monitor.lastDegradedMs).toBeUndefined();
  state.server.stop();
  expect(await tick()).toEqual(['unreachable', 'schema']);
  expect(monitor.lastDegradedMs).toBeDefined();
});
