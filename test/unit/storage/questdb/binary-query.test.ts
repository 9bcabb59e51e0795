import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MessageParser } from '../../../../src/storage/questdb/binary-query.ts';
import { ColumnBuffers, ColumnRowCollector } from '../../../../src/storage/questdb/column-rows.ts';

/** Type numbers of a timestamp, a LONG, and a DOUBLE. */
const OIDS = [1114, 20, 701];
const SYMBOL_OID = 1043;
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

interface TestRow {
  readonly keys: readonly (string | null)[];
  readonly atMs: number;
  readonly count: number | null;
  readonly value: number | null;
}

function makeMessage(type: string, ...body: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([Buffer.from(type), makeInt32(4 + bytes.length), bytes]);
}

function makeInt32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function makeInt16(value: number): Buffer {
  return makeInt32(value).subarray(2);
}

function makeField(bytes: Buffer | null): Buffer {
  return bytes ? Buffer.concat([makeInt32(bytes.length), bytes]) : makeInt32(-1);
}

function makeLong(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

function makeDouble(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

function makeResponse(rows: readonly TestRow[], keyCount: number): Buffer {
  const oids = [...Array.from({ length: keyCount }, () => SYMBOL_OID), ...OIDS];
  const columns = oids.map((oid, i) =>
    Buffer.concat([
      Buffer.from(`column${i}\0`),
      makeInt32(0),
      makeInt16(0),
      makeInt32(oid),
      Buffer.alloc(8),
    ]),
  );
  const messages = rows.map(({ keys, atMs, count, value }) =>
    makeMessage(
      'D',
      makeInt16(oids.length),
      ...keys.map((key) => makeField(key === null ? null : Buffer.from(key))),
      makeField(makeLong(1000 * (atMs - POSTGRES_EPOCH_MS) + 500)),
      makeField(count === null ? null : makeLong(count)),
      makeField(value === null ? null : makeDouble(value)),
    ),
  );
  return Buffer.concat([
    makeMessage('1'),
    makeMessage('T', makeInt16(oids.length), ...columns),
    ...messages,
    makeMessage('C', Buffer.from('SELECT\0')),
    makeMessage('Z', Buffer.from('I')),
  ]);
}

const row = fc.record({
  keys: fc.array(fc.option(fc.constantFrom('', 'a', 'ab', 'b', 'booking', 'ü', 'x'.repeat(300))), {
    minLength: 2,
    maxLength: 2,
  }),
  atMs: fc.integer({ min: POSTGRES_EPOCH_MS - 1000, max: Date.UTC(2040, 0, 1) }),
  count: fc.option(fc.integer({ min: -5, max: Number.MAX_SAFE_INTEGER })),
  value: fc.option(fc.double({ noNaN: true })),
});

it('returns the rows of a response that arrives in parts of any size', () => {
  const buffers = new ColumnBuffers();
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
      (rows, sizes) => {
        const collector = new ColumnRowCollector(2, buffers);
        const parser = new MessageParser(collector);
        const response = makeResponse(rows, 2);
        let isReady = false;
        for (let at = 0, i = 0; at < response.length; i++) {
          expect(isReady).toBe(false);
          const size = sizes[i % sizes.length]!;
          isReady = parser.parse(response.subarray(at, at + size));
          at += size;
        }
        expect(isReady).toBe(true);
        const found = collector.toRows();
        const texts = Array.from(
          { length: found.length },
          (_, i) => found.keys[found.keyIndexes[i]!],
        );
        expect(texts).toEqual(rows.map(({ keys }) => keys));
        expect(new Set(found.keys.map((key) => JSON.stringify(key))).size).toBe(found.keys.length);
        const columns = found.columns.map((column) => [...column.subarray(0, found.length)]);
        expect(columns).toEqual([
          rows.map(({ atMs }) => atMs),
          rows.map(({ count }) => count ?? Number.NaN),
          rows.map(({ value }) => value ?? Number.NaN),
        ]);
        found.release();
      },
    ),
    { numRuns: 100 },
  );
});

it('keeps all rows of a large result with many keys', () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({
    keys: [`service-${i % 3000}`, null],
    atMs: Date.UTC(2026, 0, 1) + i,
    count: i,
    value: i / 3,
  }));
  const collector = new ColumnRowCollector(2);
  expect(new MessageParser(collector).parse(makeResponse(rows, 2))).toBe(true);
  const { length, keys, keyIndexes, columns } = collector.toRows();
  expect([length, keys.length]).toEqual([20_000, 3000]);
  expect(keys[keyIndexes[19_999]!]).toEqual([`service-${19_999 % 3000}`, null]);
  expect([...columns[1]!.subarray(0, length)]).toEqual(rows.map(({ count }) => count));
});

it('reports the message of an error', () => {
  const parser = new MessageParser(new ColumnRowCollector(0));
  const fields = Buffer.from('SERROR\0C00000\0Mtable does not exist\0\0');
  const response = [makeMessage('E', fields), makeMessage('Z', Buffer.from('I'))];
  expect(parser.parse(Buffer.concat(response))).toBe(true);
  expect(parser.error).toMatchObject({ message: 'table does not exist', severity: 'ERROR' });
});
