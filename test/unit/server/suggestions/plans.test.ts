import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findConditionColumns,
  orderIndexColumns,
  removeLiterals,
} from '../../../../src/server/suggestions/explain/index-columns.ts';
import { readMysqlPlan } from '../../../../src/server/suggestions/explain/mysql-plan.ts';
import {
  type PlanNode,
  readPostgresPlan,
  type TableSize,
} from '../../../../src/server/suggestions/explain/postgres-plan.ts';

const BOOKINGS: TableSize = {
  ...{ schema: 'public', name: 'bookings', rows: 1e6 },
  indexes: ['CREATE UNIQUE INDEX bookings_pkey ON public.bookings USING btree (id)'],
};

function createScan(filter: string | undefined, rest: Partial<PlanNode> = {}): PlanNode {
  return {
    ...{ 'Node Type': 'Seq Scan', Schema: 'public', 'Relation Name': 'bookings' },
    ...{ Alias: 'bookings', 'Total Cost': 20_000, 'Plan Rows': 50 },
    ...(filter === undefined ? {} : { Filter: filter }),
    ...rest,
  };
}

describe('findConditionColumns', () => {
  it.each([
    ['((property = $1) AND (arrival >= $2))', ['property'], ['arrival']],
    ['((bookings.property)::text = ($1)::text)', ['property'], []],
    ['((b.status = ANY ($1)) AND (b.paid IS NULL))', ['status', 'paid'], []],
    ['(lower((guests.email)::text) = $1)', ['(lower(email))'], []],
    ['($1 = property)', ['property'], []],
    ['((created >= $1) AND (created < $2))', [], ['created']],
    ['(arrival > (now() - ($1)::interval))', [], ['arrival']],
    ['("Property Name" = $1)', ['"Property Name"'], []],
    ['((a = $1) OR (b = $2))', [], []],
    ['((a = $1) AND ((b = $2) OR (c = $3)))', ['a'], []],
    ['(name ~~ $1)', [], []],
    ['(a = b)', [], []],
    ['(a <> $1)', [], []],
  ])('reads %s', (condition, equality, range) => {
    expect(findConditionColumns(condition)).toEqual({ equality, range });
  });

  it('reads any text', () => {
    const words = '( ) AND OR = < > $1 a b.c :: int "x" lower ANY IS NULL ? \''.split(' ');
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((each) => each.join(' ')),
    );
    fc.assert(
      fc.property(text, (condition) => {
        const { equality, range } = findConditionColumns(condition);
        expect(range.filter((column) => equality.includes(column))).toEqual([]);
      }),
    );
  });

  it('orders columns: equality, then one range, or the sort order', () => {
    const columns = { equality: ['a', 'b'], range: ['c', 'd'] };
    expect(orderIndexColumns(columns, ['e'])).toEqual(['a', 'b', 'c']);
    expect(orderIndexColumns({ equality: ['a'], range: [] }, ['a', 'e DESC'])).toEqual([
      'a',
      'e DESC',
    ]);
  });
});

describe('readPostgresPlan', () => {
  it('proposes an index for a full scan of a large table', () => {
    const plan = createScan(
      "((bookings.property = $1) AND (bookings.arrival >= '2026-01-01'::date))",
    );
    expect(readPostgresPlan(plan, [BOOKINGS])).toEqual({
      cost: 20_000,
      index: 'CREATE INDEX CONCURRENTLY ON bookings (property, arrival)',
      summary:
        'The plan reads all 1,000,000 rows of bookings. An index on (property, arrival) is missing.',
      scans: [
        {
          ...{ table: 'bookings', rows: 1e6 },
          condition: '((bookings.property = ?) AND (bookings.arrival >= ?::date))',
        },
      ],
      plan: [
        'Seq Scan on bookings (cost 20,000, 50 rows)',
        '  Filter: ((bookings.property = ?) AND (bookings.arrival >= ?::date))',
      ],
    });
  });

  it('adds the sort order, and quotes names', () => {
    const plan = {
      ...{ 'Node Type': 'Limit', 'Total Cost': 1 },
      Plans: [
        {
          ...{ 'Node Type': 'Sort', 'Sort Key': ['bookings.created DESC', 'bookings.id DESC'] },
          Plans: [createScan('(property = $1)', { 'Relation Name': 'Bookings', Schema: 'shop' })],
        },
      ],
    };
    const table = { ...BOOKINGS, schema: 'shop', name: 'Bookings' };
    expect(readPostgresPlan(plan, [table]).index).toBe(
      'CREATE INDEX CONCURRENTLY ON shop."Bookings" (property, created, id)',
    );
  });

  it('recognizes an index that is read completely for its order', () => {
    const scan = { ...createScan('(property = $1)'), 'Node Type': 'Index Scan' };
    expect(readPostgresPlan(scan, [BOOKINGS]).index).toBe(
      'CREATE INDEX CONCURRENTLY ON bookings (property)',
    );
    const lookup = { ...scan, 'Index Cond': '(id = $2)' };
    expect(readPostgresPlan(lookup, [BOOKINGS]).index).toBeUndefined();
  });

  it('proposes the column of a join with few rows', () => {
    const join = (rows: number): PlanNode => ({
      ...{ 'Node Type': 'Hash Join', 'Hash Cond': '(bookings.room_id = r.id)' },
      Plans: [
        createScan(undefined),
        { 'Node Type': 'Hash', 'Plan Rows': rows, Plans: [{ 'Node Type': 'Index Scan' }] },
      ],
    });
    expect(readPostgresPlan(join(5), [BOOKINGS]).index).toBe(
      'CREATE INDEX CONCURRENTLY ON bookings (room_id)',
    );
    expect(readPostgresPlan(join(50_000), [BOOKINGS]).index).toBeUndefined();
  });

  it('proposes nothing for small tables, existing indexes, and unknown sizes', () => {
    const plan = createScan('((arrival = $2) AND (property = $1))');
    const small = readPostgresPlan(plan, [{ ...BOOKINGS, rows: 9999 }]);
    expect(small).toMatchObject({
      index: undefined,
      summary: expect.stringContaining('small tables') as string,
    });
    const definition = 'CREATE INDEX x ON public.bookings USING btree (property, arrival DESC)';
    expect(readPostgresPlan(plan, [{ ...BOOKINGS, indexes: [definition] }])).toMatchObject({
      ...{ index: undefined },
      summary: expect.stringContaining('although an index on (arrival, property) exists') as string,
    });
    const partial = `${definition} WHERE (state = 'open'::text)`;
    expect(readPostgresPlan(plan, [{ ...BOOKINGS, indexes: [partial] }]).index).toBeDefined();
    expect(readPostgresPlan(plan, [{ ...BOOKINGS, rows: -1 }]).summary).toContain(
      'Run ANALYZE bookings',
    );
    const indexScan = { ...createScan(undefined), 'Node Type': 'Index Scan' };
    expect(readPostgresPlan(indexScan, [BOOKINGS]).summary).toContain('No index is missing');
  });

  it('reads any tree', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('Seq Scan', 'Sort', 'bookings', '(a = $1)'));
    const { node } = fc.letrec<{ node: PlanNode }>((tie) => ({
      node: fc.record(
        {
          ...{ 'Node Type': text, Schema: text, 'Relation Name': text, Filter: text },
          ...{ 'Hash Cond': text, 'Sort Key': fc.array(text), 'Total Cost': fc.double() },
          ...{ 'Plan Rows': fc.double(), Plans: fc.array(tie('node'), { maxLength: 2 }) },
        },
        { requiredKeys: [] },
      ),
    }));
    fc.assert(
      fc.property(node, (plan) => {
        expect(readPostgresPlan(plan, [BOOKINGS]).summary).toMatch(/\.$/);
      }),
    );
  });
});

describe('readMysqlPlan', () => {
  it('reads the plans of MySQL and MariaDB', () => {
    const table = {
      ...{
        table_name: 'bookings',
        access_type: 'ALL',
        attached_condition: '(`shop`.`bookings`.`paid_at` is null)',
      },
    };
    const mysql = {
      query_block: {
        cost_info: { query_cost: '4021.35' },
        table: { ...table, rows_examined_per_scan: 40_000 },
      },
    };
    expect(readMysqlPlan(mysql)).toMatchObject({
      ...{ cost: 4021.35, index: 'CREATE INDEX bookings_paid_at ON bookings (paid_at)' },
      plan: ['ALL on bookings (40,000 rows)', '  Condition: (`shop`.`bookings`.`paid_at` is null)'],
    });
    const mariadb = {
      query_block: {
        ...{ select_id: 1, cost: 6.5 },
        filesort: {
          sort_key: 'bookings.created desc',
          temporary_table: {
            nested_loop: [{ table: { table_name: 'bookings', access_type: 'ALL', rows: 90_000 } }],
          },
        },
      },
    };
    expect(readMysqlPlan(mariadb)).toMatchObject({
      ...{ cost: 6.5, index: 'CREATE INDEX bookings_created ON bookings (created)' },
    });
    expect(
      readMysqlPlan({ query_block: { table: { table_name: 'a', access_type: 'ref', rows: 2 } } }),
    ).toMatchObject({ index: undefined, summary: expect.stringContaining('No index') as string });
  });

  it('reads any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (plan) => {
        expect(readMysqlPlan(plan).index).toBeUndefined();
      }),
    );
  });
});

it('removes values from texts of plans', () => {
  const text = "((name = 'Alice'::text) AND (age > 41) AND (id = $1))";
  expect(removeLiterals(text)).toBe('((name = ?::text) AND (age > ?) AND (id = ?))');
});
