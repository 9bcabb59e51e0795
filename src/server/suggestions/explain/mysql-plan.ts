import { formatNumber } from '../../../core/format.ts';
import { type FullScan, MIN_LARGE_TABLE_ROWS } from './explain-result.ts';
import {
  findConditionColumns,
  orderIndexColumns,
  removeLiterals,
  toColumn,
} from './index-columns.ts';
import type { PlanFindings } from './postgres-plan.ts';

/** A table in a plan of MySQL or MariaDB. */
interface MysqlScan {
  readonly table: string;
  readonly access: string;
  readonly rows: number;
  readonly condition: string | undefined;
  /** Columns of a sort above the table. */
  readonly sortKeys: readonly string[];
}

const MAX_DEPTH = 40;

/** Finds full scans of large tables in the JSON of EXPLAIN of MySQL or MariaDB. Accepts any JSON. */
export function readMysqlPlan(plan: unknown): PlanFindings {
  const tables = listTables(plan, [], 0);
  const full = tables.filter(({ access }) => access === 'ALL');
  const scans = full.map(({ table, rows, condition }): FullScan => ({ table, rows, condition }));
  const [worst] = full
    .filter(({ rows }) => rows >= MIN_LARGE_TABLE_ROWS)
    .sort((a, b) => b.rows - a.rows);
  const { summary, index } = describe(worst, full.length);
  return {
    cost: findCost(plan),
    scans,
    index,
    summary,
    plan: tables.flatMap(({ table, access, rows, condition }) => [
      `${access} on ${table} (${formatNumber(rows)} rows)`,
      ...(condition === undefined ? [] : [`  Condition: ${condition}`]),
    ]),
  };
}

function describe(scan: MysqlScan | undefined, fullScans: number) {
  if (scan === undefined) {
    const summary =
      fullScans === 0
        ? 'The plan uses an index for each table. No index is missing.'
        : 'The plan reads only small tables completely. No index is missing.';
    return { summary, index: undefined };
  }
  const { table, rows, condition, sortKeys } = scan;
  const columns = orderIndexColumns(
    findConditionColumns((condition ?? '').replaceAll('`', '"')),
    sortKeys,
  );
  const text = `The plan reads all ${formatNumber(rows)} rows of ${table}`;
  if (columns.length === 0) {
    return { summary: `${text}, but has no condition that an index supports.`, index: undefined };
  }
  const names = columns.map((column) => column.replace(/ DESC$/, ''));
  const indexName = [table, ...names].join('_').replace(/\W+/g, '').slice(0, 60);
  return {
    summary: `${text}. An index on (${names.join(', ')}) can help.`,
    index: `CREATE INDEX ${indexName} ON ${quote(table)} (${names.map(quote).join(', ')})`,
  };
}

function quote(name: string): string {
  if (/^\w+$/.test(name) || name.startsWith('(')) return name;
  return `\`${name.replace(/^"|"$/g, '').replaceAll('`', '``')}\``;
}

function listTables(value: unknown, sortKeys: readonly string[], depth: number): MysqlScan[] {
  if (value === null || typeof value !== 'object' || depth > MAX_DEPTH) return [];
  if (Array.isArray(value)) return value.flatMap((each) => listTables(each, sortKeys, depth + 1));
  const node = value as Record<string, unknown>;
  const sorted = typeof node.sort_key === 'string' ? toSortColumns(node.sort_key) : sortKeys;
  const nested = Object.values(node).flatMap((each) => listTables(each, sorted, depth + 1));
  if (typeof node.table_name !== 'string') return nested;
  const { attached_condition: condition } = node;
  return [
    {
      table: node.table_name,
      access: String(node.access_type ?? 'unknown'),
      rows: toCount(node.rows_examined_per_scan ?? node.rows),
      condition: typeof condition === 'string' ? removeLiterals(condition, 'mysql') : undefined,
      sortKeys: sorted,
    },
    ...nested,
  ];
}

function toSortColumns(sortKey: string): string[] {
  return sortKey
    .split(',')
    .flatMap((key) => toColumn(key.trim().replace(/ (?:desc|asc)$/i, '')) ?? []);
}

function toCount(value: unknown): number {
  const count = Number(value);
  return Number.isFinite(count) && count >= 0 ? count : 0;
}

function findCost(plan: unknown): number | undefined {
  const block = (
    plan as { query_block?: { cost?: unknown; cost_info?: { query_cost?: unknown } } } | null
  )?.query_block;
  const cost = Number(block?.cost_info?.query_cost ?? block?.cost);
  return Number.isFinite(cost) ? cost : undefined;
}
