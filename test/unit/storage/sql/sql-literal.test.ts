import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { toReadOnlySql } from '../../../../src/storage/sql/check-user-sql.ts';
import { fromTable, renderSql, sql } from '../../../../src/storage/sql/sql-builder.ts';
import { formatSqlLiteral, renderLiteralSql } from '../../../../src/storage/sql/sql-literal.ts';

/** Text with many quotes and other characters that have a meaning in SQL. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
  fc.string({
    unit: fc.constantFrom("'", '"', '\\', '-', '/', '*', ';', '$', '1', '\n', 'é', '🏨'),
  }),
);

describe('formatSqlLiteral', () => {
  it.each([
    ['anna', "'anna'"],
    ["o'hara", "'o''hara'"],
    ["'", "''''"],
    ['', "''"],
    ["\\' OR 1=1 --", "'\\'' OR 1=1 --'"],
    [12.5, '12.5'],
    [-3600, '(-3600)'],
    [true, 'true'],
    [new Date(0), "'1970-01-01T00:00:00.000Z'"],
  ])('formats %j as %s', (value, expected) => {
    expect(formatSqlLiteral(value)).toBe(expected);
  });

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], ['a\0b'], ['\ud800'], [new Date(Number.NaN)]])(
    'rejects %j',
    (value) => {
      expect(() => formatSqlLiteral(value)).toThrow(TypeError);
    },
  );

  it('keeps the text, and never ends before its last quote', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const literal = formatSqlLiteral(text);
        const [, content] = /^'((?:[^']|'')*)'$/.exec(literal) ?? [];
        expect(content?.replaceAll("''", "'")).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it("is one text for QuestDB's parser", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        // The check rejects control characters, which terminals don't show.
        fc.pre(!/[\p{Cc}\p{Cf}]/u.test(text));
        const statement = `SELECT a FROM t WHERE b = ${formatSqlLiteral(text)} AND c = 1`;
        expect(toReadOnlySql(statement)).toBe(statement);
      }),
      { numRuns: 200 },
    );
  });
});

describe('renderLiteralSql', () => {
  it('contains the values of a statement, and the scope', () => {
    const scope = createOrganizationScope("o'hara", ['north', 'south']);
    const statement = sql`SELECT * ${fromTable('performance_metrics')} AND name = ${'$1 $2'} LIMIT ${5}`;
    expect(renderLiteralSql(statement, scope)).toBe(
      "SELECT * FROM performance_metrics WHERE organization_id = 'o''hara' AND property_id IN ('north', 'south') AND name = '$1 $2' LIMIT 5",
    );
    expect(renderLiteralSql(statement, createOrganizationScope('anna', []))).toBeUndefined();
  });

  it('differs from the bound statement only in its parameters', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (name, organization) => {
        fc.pre(organization !== '');
        const statement = sql`SELECT a ${fromTable('t')} AND b = ${name} AND c = ${7}`;
        for (const scope of [UNRESTRICTED_SCOPE, createOrganizationScope(organization)]) {
          const { text, params } = renderSql(statement, scope)!;
          const expected = text.replaceAll(/\$(\d+)/g, (_, index) =>
            formatSqlLiteral(params[Number(index) - 1]!),
          );
          expect(renderLiteralSql(statement, scope)).toBe(expected);
        }
      }),
    );
  });
});
