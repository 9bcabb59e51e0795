import { expect, it } from 'vitest';
import { crc32 } from '../../../../src/core/crc32.ts';
import type { Batch } from '../../../../src/storage/spool/batch.ts';
import type { RecordContent, RowGroup } from '../../../../src/storage/spool/row-group.ts';
import {
  encodeRecord,
  getRecordBytes,
  HEADER_BYTES,
  type ScannedRecords,
  scanRecords,
} from '../../../../src/storage/spool/segment-record.ts';

const NONCE = Buffer.from('0123456789abcdef', 'hex');

function createBatch(table: Batch['table'], rows: number, name: string): Batch {
  const lines = Buffer.from(`${table},name=${name} value=1 1000000\n`.repeat(rows));
  return { table, rows, newestMs: 1000 + rows, lines };
}

const BEFORE = createBatch('performance_metrics', 2, 'before');
const AFTER = createBatch('performance_metrics', 4, 'after');
const STATE = Buffer.from('the last points');
const GROUP: RowGroup = {
  batches: [
    createBatch('performance_metrics', 3, 'a'),
    createBatch('metric_buckets', 5, 'b'),
    createBatch('system_health', 1, 'c'),
  ],
  rows: 9,
  state: STATE,
};

function encodeAll(contents: readonly RecordContent[]): Buffer {
  let rows = 0;
  const parts = contents.flatMap((content) => {
    const encoded = encodeRecord(NONCE, rows, content);
    rows += content.rows;
    return encoded;
  });
  return Buffer.concat(parts);
}

const SEGMENT = encodeAll([BEFORE, GROUP, AFTER]);
const GROUP_START = getRecordBytes(BEFORE);
const GROUP_END = GROUP_START + getRecordBytes(GROUP);

function scan(data: Buffer): ScannedRecords {
  return scanRecords(NONCE, data, 0, true);
}

/** Expects that the group is lost as a whole, and that its neighbors are kept. */
function expectLostGroup(data: Buffer, offset: number): void {
  const result = scan(data);
  expect(result.batches, `offset ${offset}`).toEqual([BEFORE, AFTER]);
  expect(result.states, `offset ${offset}`).toEqual([]);
  expect(result.damagedRows, `offset ${offset}`).toBe(GROUP.rows);
  expect(result.rowsBefore, `offset ${offset}`).toBe(BEFORE.rows + GROUP.rows + AFTER.rows);
  expect(result.bytes, `offset ${offset}`).toBe(data.length);
}

/** Encodes a record as versions without groups did. They did not round the time. */
function encodeOldRecord(rowsBefore: number, { lines, rows, newestMs }: Batch): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  NONCE.copy(header);
  header.writeUInt32LE(crc32(lines), 12);
  header.writeUInt32LE(lines.length, 16);
  header.writeUInt32LE(rows, 20);
  header.writeDoubleLE(rowsBefore, 24);
  header.writeDoubleLE(newestMs, 32);
  header.writeUInt32LE(crc32(header.subarray(12)), 8);
  return Buffer.concat([header, lines]);
}

it('reads a group as one batch per table, with its state', () => {
  expect(SEGMENT).toHaveLength(GROUP_END + getRecordBytes(AFTER));
  expect(scan(SEGMENT)).toEqual({
    batches: [BEFORE, ...GROUP.batches, AFTER],
    states: [STATE],
    damagedRows: 0,
    damagedBytes: 0,
    bytes: SEGMENT.length,
    rowsBefore: 15,
    bytesNeeded: 0,
  });
});

it('reads a group without a state, a state without rows, and a time of 0', () => {
  const withoutState = { ...GROUP, state: undefined };
  const atZero = { batches: [{ ...AFTER, newestMs: 0 }], rows: AFTER.rows, state: undefined };
  const withoutRows = { batches: [], rows: 0, state: STATE };
  const result = scan(encodeAll([withoutState, withoutRows, atZero, AFTER]));
  expect(result.batches).toEqual([...GROUP.batches, ...atZero.batches, AFTER]);
  expect(result.states).toEqual([STATE]);
  expect(result.damagedBytes).toBe(0);
});

it('uses neither rows nor the state of a damaged group, at every byte offset', () => {
  for (let offset = GROUP_START; offset < GROUP_END; offset++) {
    for (const bit of [0, 3, 7]) {
      const damaged = Buffer.from(SEGMENT);
      damaged[offset]! ^= 1 << bit;
      expectLostGroup(damaged, offset);
    }
  }
});

it('uses nothing of a group without one of its bytes, and reads the records after it', () => {
  for (let offset = GROUP_START; offset < GROUP_END; offset++) {
    expectLostGroup(
      Buffer.concat([SEGMENT.subarray(0, offset), SEGMENT.subarray(offset + 1)]),
      offset,
    );
  }
});

it('uses nothing of a group that is cut, at every byte offset', () => {
  for (let length = GROUP_START; length < GROUP_END; length++) {
    const result = scan(SEGMENT.subarray(0, length));
    expect(result.batches, `length ${length}`).toEqual([BEFORE]);
    expect(result.states, `length ${length}`).toEqual([]);
    const hasHeader = length >= GROUP_START + HEADER_BYTES;
    expect(result.damagedRows, `length ${length}`).toBe(hasHeader ? GROUP.rows : 0);
    // A part that is still being written is read again when it is complete.
    const unfinished = scanRecords(NONCE, SEGMENT.subarray(0, length), 0, false);
    expect(unfinished.batches, `length ${length}`).toEqual([BEFORE]);
    expect(unfinished.states, `length ${length}`).toEqual([]);
    expect(unfinished.damagedRows, `length ${length}`).toBe(0);
    expect(unfinished.bytes, `length ${length}`).toBeLessThanOrEqual(GROUP_START);
  }
});

it('reads the same groups in parts of any size', () => {
  for (let size = 1; size <= SEGMENT.length; size += 7) {
    const batches: Batch[] = [];
    const states: Buffer[] = [];
    let position = 0;
    let rowsBefore = 0;
    let length = size;
    while (position < SEGMENT.length) {
      const part = SEGMENT.subarray(position, position + length);
      const isEnd = position + part.length === SEGMENT.length;
      const result = scanRecords(NONCE, part, rowsBefore, isEnd);
      batches.push(...result.batches);
      states.push(...result.states);
      position += result.bytes;
      rowsBefore = result.rowsBefore;
      length = Math.max(size, result.bytesNeeded);
      expect(result.damagedRows, `size ${size}`).toBe(0);
    }
    expect(batches, `size ${size}`).toEqual([BEFORE, ...GROUP.batches, AFTER]);
    expect(states, `size ${size}`).toEqual([STATE]);
  }
});

it('reads all records of versions without groups, with any fraction of a millisecond', () => {
  const startMs = 1_764_300_000_000;
  const batches = Array.from({ length: 5000 }, (_, i) => {
    // A time of today has fractions of 1/4096 ms.
    const ms = startMs + (i % 3 === 0 ? 0.5 : (i % 4096) / 4096);
    // A wrong time in nanoseconds is rejected later, and must not be lost before.
    const newestMs = i % 100 === 1 ? ms * 1e6 : ms;
    return { ...createBatch('performance_metrics', 1, `old${i}`), newestMs };
  });
  const data = Buffer.concat(batches.map((batch, i) => encodeOldRecord(i, batch)));
  const result = scan(data);
  expect(result.damagedBytes).toBe(0);
  expect(result.damagedRows).toBe(0);
  expect(result.batches).toEqual(batches);
});

it('contains records that versions without groups can read', () => {
  let position = GROUP_START + HEADER_BYTES + STATE.length;
  let { rows: rowsBefore } = BEFORE;
  for (const { lines, rows } of GROUP.batches) {
    const header = SEGMENT.subarray(position, position + HEADER_BYTES);
    expect(header.subarray(0, NONCE.length)).toEqual(NONCE);
    expect(header.readUInt32LE(8)).toBe(crc32(header.subarray(12)));
    expect(header.readUInt32LE(12)).toBe(crc32(lines));
    expect(header.readUInt32LE(16)).toBe(lines.length);
    expect(header.readUInt32LE(20)).toBe(rows);
    expect(header.readDoubleLE(24)).toBe(rowsBefore);
    rowsBefore += rows;
    position += HEADER_BYTES + lines.length;
  }
  expect(position).toBe(GROUP_END);
});
