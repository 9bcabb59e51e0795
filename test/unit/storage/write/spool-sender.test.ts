import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrateTables } from '../../../../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../../../../src/storage/write/dropped-rows.ts';
import { Spool } from '../../../../src/storage/write/spool.ts';
import {
  SpoolSender,
  type SpoolSenderOptions,
} from '../../../../src/storage/write/spool-sender.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };

let folder: string;
let spool: Spool;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-sender-'));
  const dropped = new DroppedRowCounter();
  spool = new Spool({ dir: folder, maxBytes: 1e9, maxAgeMs: 1e15, dropped, log });
  const lines = Buffer.from('performance_metrics,name=a value=1 1000\n');
  const bytes = lines.length;
  spool.addSync({
    table: 'performance_metrics',
    rows: 1,
    newestMs: 1,
    bytes,
    file: undefined,
    lines,
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

function createSender(options: Partial<SpoolSenderOptions> = {}): SpoolSender {
  const target = () => ({ url: 'http://127.0.0.1:1' });
  return new SpoolSender({ spool, target, ensureTables: async () => {}, log, ...options });
}

it('cancels the creation of tables when it closes', async () => {
  const server = createServer();
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  const requested = new Promise((resolve) => server.once('request', resolve));
  const sender = createSender({
    target: () => ({ url }),
    ensureTables: async (target, signal) => {
      const retention = { rawDays: 30, minuteDays: 30, hourDays: 30, dayDays: 30 } as never;
      await migrateTables(target, retention, { timeoutMs: 3_600_000, signal });
    },
  });
  sender.start();
  await requested;
  await sender.close();
  expect(spool.waitingRows).toBe(1);
  server.closeAllConnections();
  server.close();
});

it.each([
  ['the target is unknown', { target: () => undefined }],
  [
    'the target cannot be determined',
    {
      target: () => {
        throw new Error('no target');
      },
    },
  ],
  ['the tables cannot be created', { ensureTables: () => Promise.reject(new Error('refused')) }],
  ['anything is thrown', { ensureTables: () => Promise.reject(undefined) }],
])('keeps the rows if %s', async (_name, options: Partial<SpoolSenderOptions>) => {
  const sender = createSender(options);
  await sender.sendAll();
  expect(spool.waitingRows).toBe(1);
  await sender.close();
});
