import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listDeadLetterGroups } from '../../../../src/storage/dead-letters/dead-letter-groups.ts';
import type { RowWriter } from '../../../../src/storage/write/row-writer.ts';
import { createRowWriter } from '../../../support/create-row-writer.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { copyAsOrphan } from '../../../support/spool-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

const REJECTION = JSON.stringify({ code: 'invalid', message: 'cast error', line: 1 });

let folder: string;
let spoolDir: string;
let questdb: Server;
let url: string;
/** Whether the server accepts buckets. It always rejects measurements. */
let acceptsBuckets: boolean;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-rejected-'));
  spoolDir = join(folder, 'spool');
  acceptsBuckets = false;
  questdb = createServer(async (request, response) => {
    const body = await new Response(request as never).text();
    if (body.startsWith('performance_metrics')) response.writeHead(400).end(REJECTION);
    else response.writeHead(acceptsBuckets ? 204 : 503).end();
  });
  url = `http://127.0.0.1:${await listenOnFreePort(questdb)}`;
});
afterEach(() => {
  questdb.closeAllConnections();
  questdb.close();
  rmSync(folder, { recursive: true });
});

const listGroups = () => listDeadLetterGroups(spoolDir, () => {});

/** Returns a writer with one dead letter and one row that can't be sent, in the same segment. */
async function rejectRow(): Promise<RowWriter> {
  const writer = createRowWriter({ spoolDir, target: () => ({ url }) });
  const row = { timestamp: Date.now(), name: 'checkout', value: 1 } as never;
  writer.add('performance_metrics', [row]);
  writer.add('metric_buckets', [{ timestamp: Date.now(), point: 1, bucketUpper: 1 } as never]);
  writer.flushSync();
  await writer.sendSpooled(1000, { retry: false });
  expect(await waitFor(async () => listGroups().length === 1)).toBe(true);
  expect(writer.stats.waitingRows).toBeGreaterThan(0);
  return writer;
}

/** Sends the rest of the spool with another process, which can also be a server. */
async function sendRest(isServer: boolean): Promise<void> {
  acceptsBuckets = true;
  const successor = createRowWriter({ spoolDir, isServer, target: () => ({ url }) });
  await successor.flush(30_000);
  expect(successor.stats.waitingRows).toBe(0);
  await successor.close(0);
}

describe.each([
  ['a service', false],
  ['a server', true],
])('a rejected row is kept once if %s sends the rest', (_name, isServer) => {
  it('after the end of the process', async () => {
    const writer = await rejectRow();
    await writer.close(0);
    await sendRest(isServer);
    expect(listGroups()).toMatchObject([{ table: 'performance_metrics', rows: 1 }]);
  });

  it('after the process was killed', async () => {
    const writer = await rejectRow();
    copyAsOrphan(spoolDir, spoolDir);
    await sendRest(isServer);
    expect(listGroups()).toMatchObject([{ table: 'performance_metrics', rows: 1 }]);
    await writer.close(0);
  });
});
