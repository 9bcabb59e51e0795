import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { QuestdbConnector, SEARCH_INTERVAL_MS } from '../../../src/agent/questdb-connector.ts';
import type { Settings } from '../../../src/core/config/parse-settings.ts';
import type { WriteTarget } from '../../../src/core/config/questdb-targets.ts';
import { writeDiscoveryFile } from '../../../src/core/config/server-discovery.ts';
import { readStartupConfig } from '../../../src/core/config/startup-config.ts';
import type { Logger } from '../../../src/core/log.ts';
import { ENDED_PROCESS } from '../../../src/core/process-identity.ts';
import type { PerformanceMetricRow } from '../../../src/core/schema/tables/performance-metrics-table.ts';
import { DroppedRowCounter } from '../../../src/storage/spool/dropped-rows.ts';
import { DeferredWriter } from '../../../src/storage/write/deferred-writer.ts';
import { listSegments } from '../../support/spool-fixtures.ts';

let folder: string;
let target: WriteTarget | undefined;
let log: Logger;
let dropped: DroppedRowCounter;
let deferredWriter: DeferredWriter;
let connector: QuestdbConnector;

beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), 'perfscope-connector-'));
  target = undefined;
  log = { info: vi.fn(), warn: vi.fn(), error: () => {} };
  dropped = new DroppedRowCounter();
  deferredWriter = new DeferredWriter(dropped, log);
  createConnector({}, join(folder, 'spool'));
});
afterEach(() => {
  connector.stop();
  deferredWriter.writer?.flushSync();
  deferredWriter.writer?.releaseSpool();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

function createConnector(settings: Partial<Settings>, spoolDir?: string): QuestdbConnector {
  const config = readStartupConfig();
  connector = new QuestdbConnector({
    config: {
      ...config,
      settings: { ...config.settings, ...settings },
      discoveryFile: join(folder, 'server.json'),
    },
    log,
    deferredWriter,
    dropped,
    spoolDir,
    target: () => target,
  });
  return connector;
}

function addRows(count: number): void {
  const row = { timestamp: Date.now(), name: 'checkout', value: 1 } as PerformanceMetricRow;
  deferredWriter.add(
    'performance_metrics',
    Array.from({ length: count }, () => row),
  );
}

it('looks for a server every 5 s, and connects when there is one', () => {
  connector.connect();
  vi.advanceTimersByTime(10 * SEARCH_INTERVAL_MS);
  expect(deferredWriter.writer).toBeUndefined();
  expect(existsSync(join(folder, 'spool'))).toBe(false);
  target = { url: 'http://127.0.0.1:1' };
  vi.advanceTimersByTime(SEARCH_INTERVAL_MS);
  expect(deferredWriter.writer).toBeDefined();
  expect(log.warn).not.toHaveBeenCalled();
});

it('keeps the rows of the last intervals, without a warning and without counting the others', () => {
  connector.connect();
  let batches = 0;
  deferredWriter.onBeforeBatch(() => {
    batches++;
  });
  for (let interval = 0; interval < 100; interval++) {
    addRows(15_000);
    vi.advanceTimersByTime(30_000);
  }
  // The aggregated values of each interval are moved into rows.
  expect(batches).toBe(100);
  addRows(3);
  expect(deferredWriter.pendingRows).toBe(15_003);
  expect(dropped.total).toBe(0);
  expect(log.warn).not.toHaveBeenCalled();
});

/** Adds rows of about 1 kB each. */
function addLargeRows(count: number): void {
  const tags = 'x'.repeat(850);
  for (let i = 0; i < count; i++) {
    const row = { timestamp: Date.now(), name: 'checkout', value: 1, tags };
    deferredWriter.add('performance_metrics', [row as PerformanceMetricRow]);
  }
}

it('connects while the event loop is blocked, if 16 MB of rows are waiting', () => {
  connector.connect();
  target = { url: 'http://127.0.0.1:1' };
  addLargeRows(10_000);
  expect(deferredWriter.writer).toBeUndefined();
  addLargeRows(90_000);
  const { writer } = deferredWriter;
  expect(writer).toBeDefined();
  writer?.flushSync();
  expect(writer?.stats.recordedRows).toBe(100_000);
  expect(writer?.stats.waitingRows).toBe(100_000);
  expect(dropped.total).toBe(0);
  expect(log.warn).not.toHaveBeenCalled();
});

it('counts the rows over 16 MB if no QuestDB is known, and logs their number once', () => {
  connector.connect();
  addLargeRows(100_000);
  const { pendingRows } = deferredWriter;
  expect(pendingRows).toBeGreaterThan(10_000);
  expect(pendingRows).toBeLessThan(20_000);
  expect(dropped.total).toBe(100_000 - pendingRows);
  expect(log.warn).not.toHaveBeenCalled();
  deferredWriter.reportDropped();
  addLargeRows(10);
  vi.runAllTicks();
  vi.advanceTimersByTime(1);
  deferredWriter.reportDropped();
  expect(log.warn).toHaveBeenCalledOnce();
  const message = `Dropped ${100_000 - pendingRows} rows`;
  expect(vi.mocked(log.warn).mock.calls[0]?.[0]).toContain(message);
});

it('discards the rows of the last interval before rows of the current interval', () => {
  connector.connect();
  addLargeRows(15_000);
  vi.advanceTimersByTime(30_000);
  addLargeRows(15_000);
  expect(deferredWriter.pendingRows).toBe(15_000);
  expect(dropped.total).toBe(0);
});

it('connects at the end of the process, and stops searching', () => {
  connector.connect();
  expect(connector.tryConnect()).toBe(false);
  target = { url: 'http://127.0.0.1:1' };
  expect(connector.tryConnect()).toBe(true);
  expect(deferredWriter.writer).toBeDefined();
  connector.stop();
  // Only the three timers of the writer are left.
  expect(vi.getTimerCount()).toBeLessThanOrEqual(3);
});

it('writes to the spool while the local server is stopped, if the spool folder is configured', () => {
  const spoolDir = join(folder, 'configured');
  createConnector({ PERFORMANCE_SPOOL_DIR: spoolDir }).connect();
  addRows(3);
  vi.advanceTimersByTime(10 * 30_000);
  deferredWriter.writer?.flushSync();
  expect(deferredWriter.writer?.stats.waitingRows).toBe(3);
  expect(listSegments(spoolDir)).toHaveLength(1);
  expect(log.warn).not.toHaveBeenCalled();
});

describe('the discovery file of a killed server', () => {
  const publish = (spoolDir: string) =>
    writeDiscoveryFile(join(folder, 'server.json'), {
      process: ENDED_PROCESS,
      serverUrl: 'http://127.0.0.1:1',
      questdb: {
        write: { url: 'http://127.0.0.1:1' },
        read: { host: '127.0.0.1', port: 1, user: 'a', password: 'b', database: 'qdb' },
      },
      spoolDir,
    });

  it('contains the spool folder for the rows', () => {
    const spoolDir = join(folder, 'spool-of-server');
    mkdirSync(spoolDir);
    publish(spoolDir);
    createConnector({}).connect();
    addRows(3);
    deferredWriter.writer?.flushSync();
    expect(listSegments(spoolDir)).toHaveLength(1);
  });

  it('is ignored if its spool folder was deleted', () => {
    const spoolDir = join(folder, 'deleted');
    publish(spoolDir);
    createConnector({}).connect();
    addRows(3);
    vi.advanceTimersByTime(10 * 30_000);
    expect(deferredWriter.writer).toBeUndefined();
    expect(existsSync(spoolDir)).toBe(false);
  });
});

it('does not look for a server after `stop`', () => {
  connector.connect();
  connector.stop();
  target = { url: 'http://127.0.0.1:1' };
  vi.advanceTimersByTime(10 * SEARCH_INTERVAL_MS);
  expect(deferredWriter.writer).toBeUndefined();
});
