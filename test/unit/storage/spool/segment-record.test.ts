import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Batch } from '../../../../src/storage/spool/batch.ts';
import {
  encodeRecord as encodeParts,
  HEADER_BYTES,
  type ScannedRecords,
  scanRecords,
} from '../../../../src/storage/spool/segment-record.ts';

const NONCE = Buffer.from('0123456789abcdef', 'hex');

function createBatch(rows: number, text = 'a'): Batch {
  const lines = Buffer.from(`metric_buckets,name=${text} count=1i 1000000\n`.repeat(rows));
  return { table: 'metric_buckets', rows, newestMs: 1000 + rows, lines };
}

const BATCHES = [createBatch(3), createBatch(1, 'b'), createBatch(2, 'c'), createBatch(5, 'd')];
const TOTAL_ROWS = 11;

function encodeRecord(nonce: Buffer, rowsBefore: number, batch: Batch): Buffer {
  return Buffer.concat(encodeParts(nonce, rowsBefore, batch));
}

function encodeAll(batches: readonly Batch[]): { data: Buffer; starts: readonly number[] } {
  const records: Buffer[] = [];
  const starts: number[] = [];
  let rows = 0;
  let bytes = 0;
  for (const batch of batches) {
    const record = encodeRecord(NONCE, rows, batch);
    starts.push(bytes);
    rows += batch.rows;
    bytes += record.length;
    records.push(record);
  }
  return { data: Buffer.concat(records), starts };
}

const { data: SEGMENT, starts: STARTS } = encodeAll(BATCHES);

function scan(data: Buffer): ScannedRecords {
  return scanRecords(NONCE, data, 0, true);
}

/** Returns the index of the record with the byte at `offset`. */
function findRecord(offset: number): number {
  return STARTS.findLastIndex((start) => start <= offset);
}

it('reads the batches of a segment', () => {
  expect(scan(SEGMENT)).toEqual({
    batches: BATCHES,
    states: [],
    damagedRows: 0,
    damagedBytes: 0,
    bytes: SEGMENT.length,
    rowsBefore: TOTAL_ROWS,
    bytesNeeded: 0,
  });
});

it('loses only the damaged record, at every byte offset and for every bit', () => {
  for (let offset = 0; offset < SEGMENT.length; offset++) {
    const index = findRecord(offset);
    const others = BATCHES.toSpliced(index, 1);
    for (const bit of [0, 3, 7]) {
      const damaged = Buffer.from(SEGMENT);
      damaged[offset]! ^= 1 << bit;
      const result = scan(damaged);
      expect(result.batches, `offset ${offset}`).toEqual(others);
      // The rows of a last record with a damaged header are only in the name of the segment.
      const isLastHeader = index === 3 && offset - STARTS[3]! < HEADER_BYTES;
      expect(result.damagedRows, `offset ${offset}`).toBe(isLastHeader ? 0 : BATCHES[index]!.rows);
      expect(result.damagedBytes).toBeGreaterThan(0);
    }
  }
});

it('keeps all records before a cut, at every byte offset', () => {
  for (let length = 0; length < SEGMENT.length; length++) {
    const result = scan(SEGMENT.subarray(0, length));
    const complete = STARTS.filter((_, i) => (STARTS[i + 1] ?? SEGMENT.length) <= length).length;
    expect(result.batches, `length ${length}`).toEqual(BATCHES.slice(0, complete));
    const start = STARTS[complete]!;
    const hasHeader = length >= start + HEADER_BYTES;
    expect(result.damagedRows, `length ${length}`).toBe(hasHeader ? BATCHES[complete]!.rows : 0);
  }
});

it('finds the records after removed bytes', () => {
  for (let offset = 0; offset < SEGMENT.length; offset++) {
    const damaged = Buffer.concat([SEGMENT.subarray(0, offset), SEGMENT.subarray(offset + 1)]);
    const others = BATCHES.toSpliced(findRecord(offset), 1);
    expect(scan(damaged).batches, `offset ${offset}`).toEqual(others);
  }
});

it('reads the same batches in parts of any size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: SEGMENT.length }), (size) => {
      const batches: Batch[] = [];
      let position = 0;
      let rowsBefore = 0;
      let length = size;
      while (position < SEGMENT.length) {
        const part = SEGMENT.subarray(position, position + length);
        const isEnd = position + part.length === SEGMENT.length;
        const result = scanRecords(NONCE, part, rowsBefore, isEnd);
        batches.push(...result.batches);
        position += result.bytes;
        rowsBefore = result.rowsBefore;
        length = Math.max(size, result.bytesNeeded);
        expect(result.damagedRows).toBe(0);
      }
      expect(batches).toEqual(BATCHES);
    }),
  );
});

it('reads no records that a text contains', () => {
  const forged = encodeRecord(Buffer.alloc(8), 0, createBatch(7));
  const lines = Buffer.concat([Buffer.from('metric_buckets,name='), forged, Buffer.from(' 1\n')]);
  const { data } = encodeAll([{ table: 'metric_buckets', rows: 1, newestMs: 1, lines }]);
  // The header is damaged, so the text is searched for records.
  data[9]! ^= 1;
  expect(scan(data).batches).toEqual([]);
});

it('never throws, and reports each byte once', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isEnd) => {
      const data = Buffer.from(bytes);
      const { batches, bytes: read, damagedBytes } = scanRecords(NONCE, data, 0, isEnd);
      expect(batches).toEqual([]);
      expect(damagedBytes).toBe(read);
      if (isEnd) expect(read).toBe(data.length);
    }),
  );
});
