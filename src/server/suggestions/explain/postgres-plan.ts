import { formatNumber } from '../../../core/format.ts';
import { type FullScan, MIN_LARGE_TABLE_ROWS } from './explain-result.ts';
import {
  findConditionColumns,
  orderIndexColumns,
  removeLiterals,
  splitComparison,
  splitConjunction,
  toColumn,
} from './index-columns.ts';

/** A node of a plan of PostgreSQL in the JSON format. */
export interface PlanNode {
  readonly 'Node Type'?: string;
  readonly Schema?: string;
  readonly 'Relation Name'?: string;
  readonly Alias?: string;
  readonly 'Index Name'?: string;
  readonly Filter?: string;
  readonly 'Index Cond'?: string;
  readonly 'Hash Cond'?: string;
  readonly 'Join Filter'?: string;
  readonly 'Sort Key'?: readonly string[];
  readonly 'Total Cost'?: number;
  readonly 'Plan Rows'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** A table in a plan. */
export interface TableSize {
  readonly schema: string;
  readonly name: string;
  /** Estimated number of rows, or -1 if the table was never analyzed. */
  readonly rows: number;
  /** Definitions of its valid indexes. */
  readonly indexes: readonly string[];
}

/** What a plan shows about missing indexes. */
export interface PlanFindings {
  readonly cost: number | undefined;
  readonly scans: readonly FullScan[];
  readonly index: string | undefined;
  readonly summary: string;
  readonly plan: readonly string[];
}

interface ScanContext {
  readonly node: PlanNode;
  /** Ancestors, the root first. */
  readonly parents: readonly PlanNode[];
}

/** A join with fewer outer rows than this share of the table is faster with an index. */
const MAX_JOIN_SHARE = 0.01;
const MAX_PLAN_LINES = 60;

/** Lists the tables that a plan reads. */
export function listPlanTables(root: PlanNode): { schema: string; name: string }[] {
  return walk(root).flatMap(({ node }) => {
    const { 'Relation Name': name, Schema: schema = 'public' } = node;
    return name === undefined ? [] : [{ schema, name }];
  });
}

/** Finds full scans of large tables in a plan, and the index that could avoid the most expensive one. */
export function readPostgresPlan(root: PlanNode, tables: readonly TableSize[]): PlanFindings {
  const contexts = walk(root).filter(({ node }) => isFullScan(node));
  const findTable = ({ node }: ScanContext) =>
    tables.find(
      ({ schema, name }) => name === node['Relation Name'] && schema === (node.Schema ?? schema),
    );
  const scans = contexts.map((context): FullScan => {
    const rows = findTable(context)?.rows ?? -1;
    const { Filter: filter, 'Relation Name': table = '' } = context.node;
    return {
      table,
      rows: rows < 0 ? undefined : rows,
      condition: filter === undefined ? undefined : removeLiterals(filter),
    };
  });
  const large = contexts
    .filter((context) => (findTable(context)?.rows ?? -1) >= MIN_LARGE_TABLE_ROWS)
    .sort((a, b) => (b.node['Total Cost'] ?? 0) - (a.node['Total Cost'] ?? 0));
  const proposals = large.map((context) => proposeIndex(context, findTable(context)!));
  const proposal = proposals.find(({ sql }) => sql !== undefined) ?? proposals[0];
  return {
    cost: root['Total Cost'],
    scans,
    index: proposal?.sql,
    summary: proposal?.summary ?? describeWithoutProposal(scans),
    plan: formatPlan(root),
  };
}

/** Returns whether a node reads a whole table, or a whole index only for its order. */
function isFullScan(node: PlanNode): boolean {
  const type = node['Node Type'] ?? '';
  if (type === 'Seq Scan') return true;
  const isIndexScan = type === 'Index Scan' || type === 'Index Only Scan';
  return isIndexScan && node['Index Cond'] === undefined && node.Filter !== undefined;
}

function describeWithoutProposal(scans: readonly FullScan[]): string {
  if (scans.length === 0) return 'The plan uses an index for each table. No index is missing.';
  const unknown = scans.find(({ rows }) => rows === undefined);
  if (unknown) {
    return `The database has no statistics about ${unknown.table}. Run ANALYZE ${unknown.table}, then explain the statement again.`;
  }
  return 'The plan reads only small tables completely. No index is missing.';
}

function proposeIndex(
  context: ScanContext,
  table: TableSize,
): { readonly sql: string | undefined; readonly summary: string } {
  const { node } = context;
  const name = formatName(table);
  const text = `The plan reads all ${formatNumber(table.rows)} rows of ${name}`;
  const columns =
    node.Filter === undefined
      ? findJoinColumns(context, table)
      : orderIndexColumns(findConditionColumns(node.Filter), findSortColumns(context));
  const usable = columns.length > 0 ? columns : findSortColumns(context);
  if (usable.length === 0) {
    return { sql: undefined, summary: `${text}, but has no condition that an index supports.` };
  }
  const list = usable.join(', ');
  if (table.indexes.some((definition) => startsWithColumns(definition, usable))) {
    return {
      sql: undefined,
      summary: `${text}, although an index on (${list}) exists. The condition probably matches too many rows.`,
    };
  }
  return {
    sql: `CREATE INDEX CONCURRENTLY ON ${name} (${list})`,
    summary: `${text}. An index on (${list}) is missing.`,
  };
}

/** Returns the columns of a sort directly above the scan. */
function findSortColumns({ node, parents }: ScanContext): string[] {
  const above = parents.toReversed();
  const sort = above.find(
    (parent) => !/^(?:Gather|Gather Merge|Limit)$/.test(parent['Node Type'] ?? ''),
  );
  if (sort?.['Node Type'] !== 'Sort') return [];
  const keys = (sort['Sort Key'] ?? []).map((key) => {
    const match = /^(.*?)( DESC)?(?: NULLS (?:FIRST|LAST))?$/s.exec(key);
    const column = match && toColumn(match[1]!);
    return column === undefined || column === null
      ? undefined
      : { column, isDown: match?.[2] !== undefined };
  });
  if (keys.some((key) => key === undefined) || node['Relation Name'] === undefined) return [];
  const known = keys.flatMap((key) => key ?? []);
  // An index can be read in both directions.
  const isMixed = new Set(known.map(({ isDown }) => isDown)).size > 1;
  return known.map(({ column, isDown }) => (isMixed && isDown ? `${column} DESC` : column));
}

/** Returns the columns of a hash join with few rows on the other side. */
function findJoinColumns({ node, parents }: ScanContext, table: TableSize): string[] {
  const join = parents.findLast((parent) => parent['Hash Cond'] !== undefined);
  if (!join) return [];
  const others = (join.Plans ?? []).filter(
    (child) => !walk(child).some((each) => each.node === node),
  );
  const rows = Math.min(...others.map((child) => child['Plan Rows'] ?? Number.POSITIVE_INFINITY));
  if (rows > MAX_JOIN_SHARE * table.rows) return [];
  const alias = node.Alias ?? table.name;
  return splitConjunction(join['Hash Cond'] ?? '')
    .flatMap((condition) => splitComparison(condition) ?? [])
    .flatMap(({ left, right }) => [left, right])
    .filter((side) => side.startsWith(`${alias}.`))
    .flatMap((side) => toColumn(side) ?? []);
}

const INDEX_COLUMNS_START = 'USING btree (';

/** Returns whether the first columns of an index are the given columns, in any order. Partial indexes don't count. */
function startsWithColumns(definition: string, columns: readonly string[]): boolean {
  const start = definition.indexOf(INDEX_COLUMNS_START);
  if (start < 0 || definition.includes(' WHERE ')) return false;
  const list = definition.slice(start + INDEX_COLUMNS_START.length).split(' INCLUDE ')[0]!;
  const strip = (column: string) => {
    const name = column.trim().split(' ')[0]!.split('::')[0]!;
    return name.replace(/[()]/g, '');
  };
  const first = list.split(', ').slice(0, columns.length).map(strip);
  return columns.every((column) => first.includes(strip(column)));
}

const PLAIN_NAME = /^[a-z_][a-z0-9_$]*$/;

function quote(name: string): string {
  return PLAIN_NAME.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function formatName({ schema, name }: TableSize): string {
  return schema === 'public' ? quote(name) : `${quote(schema)}.${quote(name)}`;
}

function walk(node: PlanNode, parents: readonly PlanNode[] = []): ScanContext[] {
  const below = [...parents, node];
  return [{ node, parents }, ...(node.Plans ?? []).flatMap((child) => walk(child, below))];
}

/** Formats a plan as indented lines. Only known fields are shown, without literals. */
function formatPlan(root: PlanNode): string[] {
  const lines = walk(root).flatMap(({ node, parents }) => {
    const indent = '  '.repeat(parents.length);
    const { 'Relation Name': table, 'Index Name': index } = node;
    const on = table === undefined ? '' : ` on ${table}`;
    const using = index === undefined ? '' : ` using ${index}`;
    const size = `cost ${formatNumber(node['Total Cost'] ?? 0)}, ${formatNumber(node['Plan Rows'] ?? 0)} rows`;
    const conditions = (['Index Cond', 'Hash Cond', 'Join Filter', 'Filter'] as const).flatMap(
      (name) =>
        node[name] === undefined ? [] : `${indent}  ${name}: ${removeLiterals(node[name])}`,
    );
    const sort = node['Sort Key']
      ? [`${indent}  Sort Key: ${removeLiterals(node['Sort Key'].join(', '))}`]
      : [];
    return [
      `${indent}${node['Node Type'] ?? 'Node'}${using}${on} (${size})`,
      ...sort,
      ...conditions,
    ];
  });
  return lines.slice(0, MAX_PLAN_LINES);
}
