import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AnyRow } from '../../../../src/core/schema/table-definition.ts';
import { performanceMetricsTable } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import { containsOnlyRowsOf } from '../../../../src/storage/spool/line-protocol-check.ts';
import { LineProtocolEncoder } from '../../../../src/storage/write/line-protocol-encoder.ts';

const TABLE = 'performance_metrics';

function check(lines: string): boolean {
  return containsOnlyRowsOf(TABLE, Buffer.from(lines));
}

const text = fc.string({
  unit: fc.constantFrom(...['a', 'ü', ' ', ',', '=', '"', '\\', '\n', '\r', '1', `\n${TABLE} x=1`]),
  maxLength: 12,
});

const rowArbitrary = fc
  .record({
    timestamp: fc.integer({ min: 0, max: 2e12 }),
    service: text,
    name: text,
    error: text,
    tags: text,
    value: fc.double({ noNaN: true }),
    count: fc.maxSafeInteger(),
  })
  .map(
    (values) =>
      ({
        ...Object.fromEntries(
          Object.entries(values).filter(
            ([key]) => key in performanceMetricsTable.columns || key === 'timestamp',
          ),
        ),
        name: `n${values.name}`,
      }) as unknown as AnyRow,
  );

it('accepts everything that the encoder writes', () => {
  const encoder = new LineProtocolEncoder();
  fc.assert(
    fc.property(fc.array(rowArbitrary, { maxLength: 5 }), (rows) => {
      const lines = encoder.encode(performanceMetricsTable, rows);
      expect(containsOnlyRowsOf(TABLE, lines)).toBe(true);
      if (rows.length > 0) expect(containsOnlyRowsOf('metric_buckets', lines)).toBe(false);
      // A row of another table is found at any position.
      const foreign = Buffer.from('api_keys,name=x value=1 1\n');
      expect(containsOnlyRowsOf(TABLE, Buffer.concat([lines, foreign]))).toBe(false);
      expect(containsOnlyRowsOf(TABLE, Buffer.concat([foreign, lines]))).toBe(false);
    }),
    { numRuns: 500 },
  );
});

it.each([
  ['an empty file', ''],
  ['a symbol and a field', `${TABLE},name=a value=1.5e+7 1000\n`],
  ['only symbols', `${TABLE},name=a,unit=b -1000\n`],
  ['all types', `${TABLE} a=1i,b=t,c="x",d=1t,e=-2 1000\n`],
  ['no timestamp', `${TABLE} a=1\n`],
  ['an escaped line break', `${TABLE} a="x\\\napi_keys y=1 1\\\n" 1000\n`],
  ['escaped quotes', `${TABLE} a="\\"\\\\" 1000\n`],
])('accepts %s', (_name, lines) => {
  expect(check(lines)).toBe(true);
});

it.each([
  ['another table', 'api_keys,name=a value=1 1000\n'],
  ['a table with the same start', `${TABLE}_2,name=a value=1 1000\n`],
  ['another table in the second line', `${TABLE} a=1 1000\napi_keys a=1 1000\n`],
  ['a line break in a symbol', `${TABLE},name=a\napi_keys value=1 1000\n`],
  ['a line break in a text', `${TABLE} a="x\napi_keys y=1 1000\n" 1000\n`],
  ['another table after a text with a backslash', `${TABLE} a="x\\\\" 1000\napi_keys y=1 1\n`],
  ['an incomplete line', `${TABLE},name=a value=1 1000`],
  ['an incomplete text', `${TABLE} a="x`],
  ['a binary value', `${TABLE} a==\x10\0\0\0\0\0\0\0\0 1000\n`],
  ['no columns', `${TABLE}\n`],
  ['an empty line', '\n'],
  ['a comment', '# comment\n'],
  ['an escaped table name', 'performance\\_metrics a=1 1000\n'],
  ['text after the timestamp', `${TABLE} a=1 1000 x\n`],
])('rejects %s', (_name, lines) => {
  expect(check(lines)).toBe(false);
});
