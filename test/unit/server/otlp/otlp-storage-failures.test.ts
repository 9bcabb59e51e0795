// The OTLP endpoint of the server with its spool, while data can't be stored.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Agent } from '../../../../src/agent/agent.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { KEYLESS_LOCAL_ADMIN } from '../../../../src/server/access/principal.ts';
import { RejectionReporter } from '../../../../src/server/otlp/rejection-reporter.ts';
import { createOtlpHandler } from '../../../../src/server/startup/create-otlp.ts';
import { getSpoolRoot } from '../../../../src/storage/spool/spool-adoption.ts';
import type { RowWriter } from '../../../../src/storage/write/row-writer.ts';
import {
  openSeriesStateStore,
  type SeriesStateStore,
} from '../../../../src/storage/write/series-state-store.ts';
import { createRowWriter } from '../../../support/create-row-writer.ts';
import { FakeQuestdb } from '../../../support/fake-questdb.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { createSum, encodeMetrics, type OtlpResult, sendOtlp } from '../../../support/send-otlp.ts';
import { copyAsOrphan, readSpooledLines } from '../../../support/spool-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** While a code is set, writes fail with it after some bytes. */
const disk = vi.hoisted(() => ({ code: '' }));

vi.mock('node:fs', async (importOriginal) => {
  const { refuseWrites } = await import('../../../support/refusing-disk.ts');
  return refuseWrites(await importOriginal<typeof import('node:fs')>(), disk);
});

const LOG = { info: () => {}, warn: () => {}, error: () => {} };
const startTimeMs = Date.now() - 600_000;

let dir: string;
const servers: Server[] = [];
let url: string;
let writer: RowWriter | undefined;
let pauseReason: string | undefined;
let states: SeriesStateStore;
const questdb = new FakeQuestdb();
let isQuestdbUp: boolean;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'perfscope-otlp-'));
  pauseReason = undefined;
  isQuestdbUp = false;
  questdb.lines.length = 0;
  await questdb.start();
  states = openSeriesStateStore({ log: LOG });
  await startServer(states);
});

async function startServer(stateStore: Pick<SeriesStateStore, 'series' | 'ready' | 'adopted'>) {
  const deferredWriter = {
    get writer() {
      return writer;
    },
  };
  const handler = createOtlpHandler({
    settings: parseSettings({}).settings,
    agent: { deferredWriter } as Agent,
    getStoreIds: () => [],
    states: stateStore as SeriesStateStore,
    authenticate: async () => ({ principal: KEYLESS_LOCAL_ADMIN }),
    getPauseReason: () => pauseReason,
    log: LOG,
    rejections: new RejectionReporter({ log: LOG }),
  });
  const server = createServer(express().use(handler));
  servers.push(server);
  url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
}

afterEach(async () => {
  disk.code = '';
  await writer?.close(0);
  writer = undefined;
  questdb.stop();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(dir, { recursive: true, force: true });
});

/** Starts the storage, which reads the state of the last process. */
function startStorage(spoolMaxBytes = 1e9, spoolDir = dir): void {
  writer = createRowWriter({
    ...{ spoolDir, isServer: true, spoolMaxBytes, states, flushIntervalMs: 200 },
    target: () => (isQuestdbUp ? { url: questdb.url } : undefined),
  });
}

/** Sends the value of a counter since its start. */
function send(value: number): Promise<OtlpResult> {
  const point = { value, startTimeMs, timeMs: startTimeMs + value * 1000 };
  const body = encodeMetrics(
    { 'service.name': 'shop' },
    createSum('orders', [point], 'cumulative'),
  );
  return sendOtlp(url, body);
}

/** Sends a value again and again, like an SDK, until it is accepted. */
const sendUntilAccepted = (value: number) =>
  waitFor(async () => (await send(value)).status === 200, 20_000);

function expectRetry({ status, retryAfter, body }: OtlpResult, reason: string): void {
  expect({ status, retryAfter }).toEqual({ status: 503, retryAfter: '5' });
  expect(body).toContain(reason);
}

/** Returns the number of rows and the sum of their values. Rows with the same keys are one row. */
function getTotals(lines: readonly string[]): { rows: number; sum: number } {
  const values = new Map<string, number>();
  for (const line of lines) {
    const [, id] = /id="([^"]+)"/.exec(line) ?? [];
    const [, value] = /[ ,]value=([\d.]+)/.exec(line) ?? [];
    if (line.includes('name=orders') && id) values.set(id, Number(value));
  }
  return { rows: values.size, sum: [...values.values()].reduce((sum, value) => sum + value, 0) };
}

it('requests are rejected until the state of the last process is read', async () => {
  expectRetry(await send(4), 'the server is starting');
  startStorage();
  await sendUntilAccepted(4);
  expect(await send(10)).toMatchObject({ status: 200 });
  expect(getTotals(readSpooledLines(dir))).toEqual({ rows: 2, sum: 10 });
});

it('requests are rejected until the rows of the last process are in the spool, so that they are sent first', async () => {
  startStorage();
  await sendUntilAccepted(4);
  await sendUntilAccepted(10);
  const next = join(dir, 'next');
  copyAsOrphan(getSpoolRoot(dir, true), getSpoolRoot(next, true));
  await writer?.close(0);
  states = openSeriesStateStore({ log: LOG });
  const { promise, resolve } = Promise.withResolvers<void>();
  await startServer({ series: states.series, ready: states.ready, adopted: promise });
  startStorage(1e9, next);
  await states.adopted;
  // Each request has also a health row.
  expect(writer?.stats.waitingRows).toBe(4);
  expectRetry(await send(15), 'the server is starting');
  resolve();
  await sendUntilAccepted(15);
  isQuestdbUp = true;
  await waitFor(async () => getTotals(questdb.lines).sum === 15, 20_000);
  const sent = questdb.lines.filter((line) => line.includes('name=orders'));
  expect(sent.map((line) => Number(/[ ,]value=(\d+)/.exec(line)?.[1]))).toEqual([4, 6, 5]);
});

it('requests are rejected while the spool is full, and accepted when QuestDB has stored the rows', async () => {
  startStorage(100_000);
  await sendUntilAccepted(1);
  let value = 1;
  let result: OtlpResult;
  do result = await send(++value);
  while (result.status === 200);
  expect(value).toBeGreaterThan(10);
  expectRetry(result, 'the spool of the server is full');
  expectRetry(await send(value), 'the spool of the server is full');
  isQuestdbUp = true;
  await sendUntilAccepted(value);
  await sendUntilAccepted(value + 5);
  await waitFor(async () => getTotals(questdb.lines).sum === value + 5, 20_000);
  expect(getTotals(questdb.lines).rows).toBe(value + 1);
  expect(writer?.stats.droppedRows).toEqual({});
});

it.each(['ENOSPC', 'EROFS', 'EIO'])(
  'requests are rejected while writes fail with %s, and stored once when they are repeated',
  async (code) => {
    startStorage();
    await sendUntilAccepted(4);
    disk.code = code;
    expectRetry(await send(10), 'the disk of the server does not accept data');
    expectRetry(await send(15), 'the disk of the server does not accept data');
    disk.code = '';
    for (const value of [10, 15, 15, 10]) expect(await send(value)).toMatchObject({ status: 200 });
    expect(getTotals(readSpooledLines(dir))).toEqual({ rows: 3, sum: 15 });
  },
);

it('requests are rejected while the server protects its disk', async () => {
  startStorage();
  await sendUntilAccepted(4);
  pauseReason = 'the disk is almost full';
  expectRetry(await send(10), 'the disk is almost full');
  pauseReason = undefined;
  expect(await send(10)).toMatchObject({ status: 200 });
  expect(getTotals(readSpooledLines(dir))).toEqual({ rows: 2, sum: 10 });
});

it('requests are rejected after the storage was closed', async () => {
  startStorage();
  await sendUntilAccepted(4);
  await writer?.close(0);
  expectRetry(await send(10), 'the server is stopping');
  expect(getTotals(readSpooledLines(dir))).toEqual({ rows: 1, sum: 4 });
});
