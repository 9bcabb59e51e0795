/** QuestDB's column types that the tables use, with what a row holds for each in TypeScript. */
interface ColumnValueTypes {
  /** Interned text, for what is filtered and grouped by. */
  symbol: string;
  varchar: string;
  double: number;
  /** 64 bits in QuestDB; the writer sends safe integers only. */
  long: number;
  boolean: boolean;
  /** Microseconds in QuestDB; milliseconds since the epoch here. */
  timestamp: number;
}

export type ColumnType = keyof ColumnValueTypes;
export type Columns = Readonly<Record<string, ColumnType>>;

/** One definition from which come the DDL, the row type and the writer's column mapping. */
export interface Table<C extends Columns = Columns> {
  /** Name in QuestDB. */
  readonly name: string;
  /** Columns by their camelCase name. The designated timestamp `timestamp` is not among them. */
  readonly columns: C;
  /** camelCase names of the columns that, with `timestamp`, make a row unique. */
  readonly dedupKeys: readonly string[];
}

/** A row to write: the designated timestamp (ms since the epoch) and any of the columns. */
export type InferRow<T extends Table> = { timestamp: number } & {
  -readonly [K in keyof T['columns']]?: ColumnValueTypes[T['columns'][K]] | undefined;
};

/** A row of any table, as the write road sees it. */
export type AnyRow = { timestamp: number } & Record<string, string | number | boolean | undefined>;

/** The definition itself; its dedup keys must be among its columns. */
export function defineTable<const C extends Columns>(
  table: Table<C> & { dedupKeys: readonly (keyof C & string)[] },
): Table<C> {
  return table;
}

/** `organizationId` → `organization_id`. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Longest text of a column that is filtered and grouped by, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 512;
/** Longest JSON of a row's tags, and longest free text. */
export const MAX_TEXT_LENGTH = 64 * 1024;

/** What every measurement row says about the process that it comes from. */
export const RESOURCE_COLUMNS = {
  service: 'symbol',
  serviceVersion: 'symbol',
  environment: 'symbol',
  instance: 'symbol',
} as const;

/** The tenant that a measurement belongs to. */
export const TENANT_COLUMNS = {
  organizationId: 'symbol',
  propertyId: 'symbol',
} as const;

export interface ServiceResource {
  service: string;
  serviceVersion?: string | undefined;
  environment?: string | undefined;
  /** Unique per start of a process. */
  instance: string;
}

/** `CREATE TABLE IF NOT EXISTS` of a measurement table whose rows live for `retentionDays`. */
export function buildCreateTableSql(table: Table, retentionDays: number): string {
  return buildCreateSql(table, `PARTITION BY DAY TTL ${retentionDays} DAYS`);
}

/** The same of a table of states, whose rows are kept for ever. */
export function buildCreateStateTableSql(table: Table): string {
  return buildCreateSql(table, 'PARTITION BY MONTH');
}

function buildCreateSql(table: Table, partitions: string): string {
  const columns = Object.entries(table.columns)
    .map(([name, type]) => `${toSnakeCase(name)} ${type.toUpperCase()}`)
    .join(', ');
  const keys = ['timestamp', ...table.dedupKeys.map(toSnakeCase)].join(', ');
  return [
    `CREATE TABLE IF NOT EXISTS ${table.name} (timestamp TIMESTAMP, ${columns})`,
    `TIMESTAMP(timestamp) ${partitions} WAL`,
    `DEDUP UPSERT KEYS(${keys})`,
  ].join(' ');
}
