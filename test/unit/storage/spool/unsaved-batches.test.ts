import { beforeEach, expect, it } from 'vitest';
import type { Batch } from '../../../../src/storage/spool/batch.ts';
import type { BatchPosition } from '../../../../src/storage/spool/segment-writer.ts';
import { UnsavedBatches } from '../../../../src/storage/spool/unsaved-batches.ts';
import { createBatch, readValues } from '../../../support/spool-fixtures.ts';

const MIB = 1024 * 1024;
const TABLE = 'performance_metrics';
const POSITION = {} as BatchPosition;

let isWritable: boolean;
/** Ends the running asynchronous write. */
let endWrite: () => void;
let written: Batch[];
let dropped: number;
let unsaved: UnsavedBatches;
beforeEach(() => {
  isWritable = false;
  written = [];
  dropped = 0;
  const write = (batch: Batch) => {
    if (isWritable) written.push(batch);
    return isWritable ? POSITION : undefined;
  };
  const append = async (batch: Batch) => {
    await new Promise<void>((resolve) => {
      endWrite = resolve;
    });
    return write(batch);
  };
  unsaved = new UnsavedBatches(
    { append, appendSync: write },
    {
      reportDropped: (_reason, rows) => {
        dropped += rows;
      },
    },
  );
});

const take = () => unsaved.takeOldest(MIB, () => false);
const values = () => readValues(unsaved.all);

it('does not send a batch that is being saved, and does not save a batch that is being sent', async () => {
  const [first, second] = [createBatch(0), createBatch(1)];
  for (const batch of [first, second]) unsaved.appendSync(batch);
  isWritable = true;
  const saving = unsaved.save();
  const sent = take();
  unsaved.startSending(sent);
  endWrite();
  await saving;
  expect([written, sent]).toEqual([[first], [second]]);
  unsaved.endSending(sent, undefined);
  expect(unsaved.rows).toBe(0);
});

it('keeps only the unsent rows of a batch, in order', () => {
  for (const batch of [createBatch(0, 4), createBatch(4, 4), createBatch(8, 4)])
    unsaved.appendSync(batch);
  const [first, second, third] = unsaved.all;
  const sent = take();
  unsaved.startSending(sent);
  unsaved.endSending(sent, { tables: new Map([[TABLE, { rows: 12, handledRows: 6 }]]) });
  expect([values(), unsaved.rows]).toEqual([[6, 7, 8, 9, 10, 11], 6]);
  expect(unsaved.bytes).toBe(unsaved.all.reduce((sum, { lines }) => sum + lines.length, 0));
  // A flush waits for the rest of the second batch.
  const isHandled = (batch: Batch) => unsaved.isHandled(batch, () => true);
  expect([first, second, third].map((batch) => isHandled(batch!))).toEqual([true, false, false]);
  const rest = take();
  unsaved.startSending(rest);
  unsaved.endSending(rest, undefined);
  expect([first, second, third].map((batch) => isHandled(batch!))).toEqual([true, true, true]);
});

it('removes batches that expired during an attempt', () => {
  unsaved.appendSync({ ...createBatch(0, 2), newestMs: 1000 });
  unsaved.appendSync({ ...createBatch(2, 2), newestMs: 5000 });
  const sent = take();
  unsaved.startSending(sent);
  const unsent = { rows: 2, handledRows: 1, expiredBeforeMs: 2000 };
  unsaved.endSending(sent, { tables: new Map([[TABLE, unsent]]) });
  expect(values()).toEqual([3]);
});

it('neither saves, sends, nor drops the rows of a table in flight', async () => {
  unsaved.appendSync(createBatch(0, 3));
  const sent = take();
  unsaved.startSending(sent);
  const tables = new Map([[TABLE, { rows: 3, handledRows: 0 }]]);
  unsaved.endSending(sent, { tables, tableInFlight: TABLE });
  isWritable = true;
  await unsaved.save();
  unsaved.saveSync();
  expect([written, take(), unsaved.areAllBeingSent]).toEqual([[], [], true]);
  unsaved.update(sent, TABLE, { rows: 3, handledRows: 2 });
  expect(values()).toEqual([2]);
  unsaved.saveSync();
  expect([readValues(written), unsaved.rows]).toEqual([[2], 0]);
});

it('saves the rows in flight at the end of the process', () => {
  const batch = createBatch(0, 3);
  unsaved.appendSync(batch);
  unsaved.startSending([batch]);
  unsaved.stopSending();
  isWritable = true;
  unsaved.saveSync();
  expect(written).toEqual([batch]);
});

it.each([
  ['refuses', false],
  ['accepts', true],
])('keeps a batch once if the disk %s it during an asynchronous append', async (_kind, accepts) => {
  const batch = createBatch(0, 3);
  const appending = unsaved.append(batch);
  unsaved.appendSync(batch);
  isWritable = accepts;
  endWrite();
  await appending;
  expect(unsaved.rows).toBe(accepts ? 0 : 3);
});

it('does not append a batch that was added synchronously in the meantime', async () => {
  const batch = createBatch(1);
  unsaved.appendSync(createBatch(0));
  const appending = unsaved.append(batch);
  isWritable = true;
  for (let i = 0; i < 2; i++) unsaved.appendSync(batch);
  endWrite();
  await appending;
  expect(written.filter((each) => each === batch)).toHaveLength(1);
});

it('drops the oldest batches at the limit', () => {
  const large = (value: number) => ({ ...createBatch(value), lines: Buffer.alloc(6 * MIB) });
  const batches = [0, 1, 2].map(large);
  for (const batch of batches) unsaved.appendSync(batch);
  unsaved.startSending(batches.slice(0, 1));
  unsaved.enforceLimit();
  expect(unsaved.all).toEqual([batches[0], batches[2]]);
  expect([dropped, unsaved.bytes]).toEqual([1, 12 * MIB]);
});
