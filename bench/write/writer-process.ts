// The application of the benchmarks `write` and `drain`. Its CPU time, memory, and event loop can be measured, because it
// does nothing else. Arguments: the spool folder, and the checkout whose RowWriter is used, or `client` for QuestDB's own
// client.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';
import type { RowWriter } from '../../src/storage/write/row-writer.ts';
import { writeWithClient } from './client-writer.ts';
import { startEventLoopProbe } from './event-loop-probe.ts';
import { makeMetricRows } from './metric-rows.ts';

/** A command of the parent process. Each gets one response: the measured values. */
export type WriterCommand =
  /** Writes rows, and waits until QuestDB has acknowledged them. */
  | { kind: 'write'; target: WriteTarget; run: string; rows: number }
  /** Writes rows to the spool while QuestDB is away. */
  | { kind: 'fill'; run: string; rows: number }
  /** Opens the spool unless it is open, and waits until QuestDB has acknowledged its rows. */
  | { kind: 'drain'; target: WriteTarget }
  /** Leaves the rows in the spool to another process. */
  | { kind: 'close' };

export interface WriterResult {
  seconds: number;
  /** CPU time of the process. */
  cpuMs: number;
  /** Longest time between two turns of the event loop, and the most CPU time in one turn. */
  longestBlockMs: number;
  longestBlockCpuMs: number;
}

const [spoolDir = '', checkout = ''] = process.argv.slice(2);
/** Number of rows that are added in one turn of the event loop. */
const ROWS_PER_TURN = 1000;
/** Number of rows that are spooled together while QuestDB is away. */
const ROWS_PER_BATCH = 50;
const DRAIN_TIMEOUT_MS = 600_000;
/** Nothing listens on this port. */
const AWAY: WriteTarget = { url: 'http://127.0.0.1:1' };

let target = AWAY;
let writer: RowWriter | undefined;

process.on('message', async (command: WriterCommand) => {
  try {
    process.send!(await run(command));
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
});
await loadWriter();
process.send!('ready');

async function run(command: WriterCommand): Promise<WriterResult> {
  if (command.kind === 'write') {
    // Creating the rows is not part of the measurement.
    const rows = makeMetricRows(command.run, 0, command.rows);
    return measure(async () => {
      target = command.target;
      if (checkout === 'client') return writeWithClient(target, rows, ROWS_PER_TURN);
      writer = await openWriter();
      for (let i = 0; i < rows.length; i += ROWS_PER_TURN) {
        writer.add('performance_metrics', rows.slice(i, i + ROWS_PER_TURN));
        await nextTurn();
      }
      await writer.flush(DRAIN_TIMEOUT_MS);
      await closeWriter();
    });
  }
  return measure(async () => {
    if (command.kind === 'fill') await fill(command.run, command.rows);
    else if (command.kind === 'close') await closeWriter();
    else {
      target = command.target;
      writer ??= await openWriter();
      await writer.flush(DRAIN_TIMEOUT_MS);
    }
  });
}

async function fill(name: string, rows: number): Promise<void> {
  target = AWAY;
  writer = await openWriter();
  for (let i = 0; i < rows; i += ROWS_PER_BATCH) {
    writer.add('performance_metrics', makeMetricRows(name, i, ROWS_PER_BATCH));
    writer.flushSync();
    await nextTurn();
  }
}

async function closeWriter(): Promise<void> {
  await writer?.close(1);
  writer = undefined;
}

async function measure(work: () => Promise<void>): Promise<WriterResult> {
  const probe = startEventLoopProbe();
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuMs: (user + system) / 1000, ...probe.stop() };
}

async function loadWriter() {
  if (checkout === 'client') return undefined;
  const folder = resolve(checkout, 'src/storage');
  // Earlier versions have the counter in another folder.
  const counterFolder = existsSync(`${folder}/spool/dropped-rows.ts`) ? 'spool' : 'write';
  const module: typeof import('../../src/storage/write/row-writer.ts') = await import(
    `${folder}/write/row-writer.ts`
  );
  const dropped: typeof import('../../src/storage/spool/dropped-rows.ts') = await import(
    `${folder}/${counterFolder}/dropped-rows.ts`
  );
  return { ...module, ...dropped };
}

async function openWriter(): Promise<RowWriter> {
  const { RowWriter, DroppedRowCounter } = (await loadWriter())!;
  return new RowWriter({
    spoolDir,
    spoolMaxBytes: 2 ** 32,
    retentionDays: 30,
    dropped: new DroppedRowCounter(),
    bufferSize: ROWS_PER_BATCH,
    flushIntervalMs: 30_000,
    log: { info: () => {}, warn: console.error, error: console.error },
    target: () => target,
    ensureTables: async () => {},
  });
}
