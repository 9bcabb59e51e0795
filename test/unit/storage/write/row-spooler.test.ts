import { expect, it } from 'vitest';
import type { Batch } from '../../../../src/storage/spool/batch.ts';
import type { RowChunk } from '../../../../src/storage/write/row-buffer.ts';
import { RowSpooler } from '../../../../src/storage/write/row-spooler.ts';
import { createBatch } from '../../../support/spool-fixtures.ts';

const ROW = { timestamp: 1 } as never;

it('encodes a chunk once if a synchronous write interrupts its write', async () => {
  const encoded: RowChunk[] = [];
  const added: Batch[] = [];
  const addedSync: Batch[] = [];
  let endAdd = () => {};
  const batches = [createBatch(0), createBatch(1), createBatch(2)];
  const later = createBatch(3);
  const toBatches = (chunk: RowChunk) => {
    encoded.push(chunk);
    return encoded.length === 1 ? batches : [later];
  };
  const add = async (batch: Batch) => {
    added.push(batch);
    await new Promise<void>((resolve) => {
      endAdd = resolve;
    });
  };
  const addSync = (batch: Batch) => void addedSync.push(batch);
  const spooler = new RowSpooler({ toBatches }, { add, addSync });
  spooler.add('performance_metrics', [ROW], { writesIfFull: true });
  const writing = spooler.write();
  endAdd();
  await Promise.resolve();
  await Promise.resolve();
  spooler.add('performance_metrics', [ROW], { writesIfFull: true });
  spooler.writeSync();
  // The second batch is being added. The spool recognizes it.
  expect(added).toEqual(batches.slice(0, 2));
  expect(addedSync).toEqual([batches[1], batches[2], later]);
  expect([encoded.length, spooler.rows]).toEqual([2, 0]);
  endAdd();
  await Promise.resolve();
  await Promise.resolve();
  endAdd();
  await writing;
});
