import { SenderBufferV1, SenderOptions } from '@questdb/nodejs-client';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyRow, defineTable } from '../../../../src/core/schema/table-definition.ts';
import { LineProtocolEncoder } from '../../../../src/storage/write/line-protocol-encoder.ts';

const TABLE = defineTable({
  name: 'every_type',
  columns: {
    id: 'varchar',
    service: 'symbol',
    metricType: 'symbol',
    value: 'double',
    errorCount: 'long',
    test: 'boolean',
    startedAt: 'timestamp',
  },
  dedupKeys: ['id'],
});

/** Encodes rows with QuestDB's client. */
function encodeWithClient(rows: readonly AnyRow[]): Buffer {
  const options = 'http::addr=127.0.0.1:9000;auto_flush=off;protocol_version=1';
  const buffer = new SenderBufferV1(new SenderOptions(options, { log: () => {} }));
  const clean = (text: unknown) => (typeof text === 'string' ? text.replaceAll('\0', '�') : text);
  for (const row of rows) {
    buffer.table('every_type');
    if (row.service !== undefined && row.service !== '') {
      buffer.symbol('service', clean(row.service));
    }
    if (row.metricType !== undefined && row.metricType !== '') {
      buffer.symbol('metric_type', clean(row.metricType));
    }
    if (row.id !== undefined) buffer.stringColumn('id', clean(row.id) as string);
    if (Number.isFinite(row.value)) buffer.floatColumn('value', row.value as number);
    if (row.errorCount !== undefined) buffer.intColumn('error_count', row.errorCount as number);
    if (row.test !== undefined) buffer.booleanColumn('test', row.test as boolean);
    if (row.startedAt !== undefined) {
      buffer.timestampColumn('started_at', Math.round((row.startedAt as number) * 1000));
    }
    buffer.at(Math.round(row.timestamp * 1000));
  }
  return buffer.toBufferNew() ?? Buffer.alloc(0);
}

function attempt(encode: () => Buffer): string {
  try {
    return encode().toString('latin1');
  } catch {
    return 'rejected';
  }
}

const SPECIAL_CHARACTERS = [
  ...['a', 'Z', ' ', ',', '=', '"', "'", '\\', '\n', '\r', '\t', '\0', '\x7f', '\x80', 'ü', '߿'],
  ...['ࠀ', '€', '\uffff', '😀', '\u{10ffff}', '\ud83d', '\ude00', '\ufeff'],
];
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...SPECIAL_CHARACTERS), maxLength: 20 }),
  fc.string({ unit: 'binary' }),
  // Single UTF-16 code units, with lone surrogates.
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 0, 9, 10, 1e21, -1e21, 2 ** 53, 2 ** 63, 5e-324, 0.1 + 0.2, Number.MAX_VALUE),
);
const milliseconds = fc.oneof(fc.integer({ min: 0, max: 4e12 }), number);
/** Values that a row can contain if its types are ignored. */
const anyValue = fc.oneof(text, number, fc.boolean(), fc.constant(null), fc.constant(undefined));

const validRow = fc.record(
  {
    timestamp: fc.integer({ min: -1e12, max: 4e12 }),
    id: text,
    service: text,
    metricType: text,
    value: number,
    errorCount: fc.maxSafeInteger(),
    test: fc.boolean(),
    startedAt: fc.integer({ min: -1e12, max: 4e12 }),
  },
  { requiredKeys: ['timestamp'] },
);
const anyRow = fc.record(
  {
    timestamp: milliseconds,
    id: anyValue,
    service: anyValue,
    metricType: anyValue,
    value: anyValue,
    errorCount: fc.oneof(number, anyValue),
    test: fc.oneof(fc.boolean(), anyValue),
    startedAt: fc.oneof(milliseconds, anyValue),
  },
  { requiredKeys: ['timestamp'] },
);

describe('LineProtocolEncoder', () => {
  it.each([
    ['rows', fc.array(validRow, { maxLength: 5 })],
    ['rows with values of wrong types', fc.array(anyRow, { minLength: 1, maxLength: 2 })],
  ])('returns the same bytes as the client for %s, or rejects the same rows', (_name, rows) => {
    const encoder = new LineProtocolEncoder();
    fc.assert(
      fc.property(rows, (values) => {
        const batch = values as AnyRow[];
        expect(attempt(() => encoder.encode(TABLE, batch))).toBe(
          attempt(() => encodeWithClient(batch)),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('returns readable lines', () => {
    const lines = new LineProtocolEncoder().encode(TABLE, [
      { timestamp: 1.5, service: 'a b', id: 'x "y"', value: 0.25, errorCount: 12, test: true },
      { timestamp: 0, metricType: 'ü', startedAt: 1_790_000_000_000 },
    ]);
    expect(lines.toString()).toBe(
      'every_type,service=a\\ b id="x \\"y\\"",value=0.25,error_count=12i,test=t 1500000\n' +
        'every_type,metric_type=ü started_at=1790000000000000t 0\n',
    );
  });

  it('returns a buffer that later calls do not change', () => {
    const encoder = new LineProtocolEncoder();
    const first = encoder.encode(TABLE, [{ timestamp: 1, service: 'first' }]);
    const text = first.toString();
    encoder.encode(TABLE, [{ timestamp: 2, service: 'other' }]);
    expect(first.toString()).toBe(text);
  });

  it('continues after a row that it rejects', () => {
    const encoder = new LineProtocolEncoder();
    const rows = [{ timestamp: 1, service: 'a' }, { timestamp: 1 }];
    expect(() => encoder.encode(TABLE, rows)).toThrow('the row has no values');
    expect(encoder.encode(TABLE, [{ timestamp: 2, service: 'b' }]).toString()).toBe(
      'every_type,service=b 2000000\n',
    );
  });

  it('names the column and the value that it rejects', () => {
    const row = { timestamp: 1, errorCount: 1.5 };
    expect(() => new LineProtocolEncoder().encode(TABLE, [row])).toThrow(
      'errorCount must be an integer, not 1.5',
    );
  });

  it('encodes batches of many megabytes', () => {
    const encoder = new LineProtocolEncoder();
    const row = { timestamp: 1, id: 'x'.repeat(3_000_000) };
    const expected = `every_type id="${row.id}" 1000000\n`;
    for (const rows of [1, 3, 1]) {
      const lines = encoder.encode(TABLE, Array(rows).fill(row));
      expect(lines.equals(Buffer.from(expected.repeat(rows)))).toBe(true);
    }
  });
});
