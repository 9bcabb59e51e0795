import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PausedTarget, WriteTarget } from '../../../../src/core/config/questdb-targets.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import type { RowWriter } from '../../../../src/storage/write/row-writer.ts';
import { createRowWriter } from '../../../support/create-row-writer.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { waitFor } from '../../../support/wait-for.ts';

const LIMIT = /^Dropped \d+ rows: the spool reached its limit of 146 KiB\. Check/;

let folder: string;
let target: WriteTarget | PausedTarget;
let warnings: string[];
let dropped: DroppedRowCounter;
let writer: RowWriter;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-drops-'));
  target = { url: 'http://127.0.0.1:1' };
  warnings = [];
  dropped = new DroppedRowCounter();
  writer = createRowWriter({
    spoolDir: join(folder, 'spool'),
    spoolMaxBytes: 150_000,
    flushIntervalMs: 100,
    target: () => target,
    dropped,
    log: { info: () => {}, warn: (message) => warnings.push(message), error: () => {} },
  });
});
afterEach(async () => {
  await writer.close(0);
  rmSync(folder, { recursive: true });
});

/** Adds rows until at least `segments` segments were dropped. */
async function fillSpool(segments: number): Promise<void> {
  let previous = dropped.total;
  for (let drops = 0; drops < segments; ) {
    const row = { timestamp: Date.now(), name: 'checkout', value: 1 } as never;
    writer.add('performance_metrics', new Array(1000).fill(row));
    writer.flushSync();
    if (dropped.total > previous) drops++;
    previous = dropped.total;
  }
}

const formatTotal = () =>
  expect.stringContaining(`dropped ${dropped.total} rows in total: the spool reached its limit`);

it('logs the total when the process ends, and reports it by reason', async () => {
  await fillSpool(3);
  expect(warnings).toEqual([expect.stringMatching(LIMIT)]);
  expect(writer.stats.droppedRows).toEqual({ spool_full: dropped.total });
  await writer.close(0);
  writer.releaseSpool();
  expect(warnings).toEqual([expect.stringMatching(LIMIT), formatTotal()]);
});

it('logs the total when QuestDB accepts rows again', async () => {
  await fillSpool(2);
  // A pause is logged at once, and a failure only after some seconds.
  target = { paused: 'little disk space is left' };
  await writer.sendSpooled(1000, { retry: false });
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(204).end());
  });
  target = { url: `http://127.0.0.1:${await listenOnFreePort(server)}` };
  await waitFor(async () => {
    await writer.sendSpooled(1000, { retry: false });
    return warnings.length > 1;
  });
  expect(warnings).toEqual([expect.stringMatching(LIMIT), formatTotal()]);
  server.closeAllConnections();
  server.close();
  await writer.close(0);
  expect(warnings).toHaveLength(2);
});
