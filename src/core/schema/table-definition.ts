/** The QuestDB column types in use, and the TypeScript type of their values. */
interface ColumnValueTypes {
  /** Interned text, for columns that queries filter or group by. */
  symbol: string;
  varchar: string;
  double: number;
  /** A 64-bit integer in QuestDB. The writer sends only safe integers. */
  long: number;
  boolean: boolean;
  /** Microseconds in QuestDB. Milliseconds since the epoch in TypeScript. */
  timestamp: number;
}

export type ColumnType = keyof ColumnValueTypes;
export type Columns = Readonly<Record<string, ColumnType>>;

/**
 * Defines a table. The DDL, the row type, and the column mapping of the writer are derived from it.
 */
export interface Table<C extends Columns = Columns> {
  /** Name in QuestDB. */
  readonly name: string;
  /** Columns by camelCase name, without the designated timestamp `timestamp`. */
  readonly columns: C;
  /** camelCase names of the columns that, together with `timestamp`, identify a row. */
  readonly dedupKeys: readonly string[];
  /** Only for state tables: rows expire after this number of months. Default: never. */
  readonly ttlMonths?: number;
}

/** A row to write: the designated timestamp, in ms since the epoch, and any of the columns. */
export type InferRow<T extends Table> = { timestamp: number } & {
  -readonly [K in keyof T['columns']]?: ColumnValueTypes[T['columns'][K]] | undefined;
};

/** A row of any table, for code that handles all tables the same way. */
export type AnyRow = { timestamp: number } & Record<string, string | number | boolean | undefined>;

/** Returns the definition unchanged. Its type ensures that each dedup key is a column. */
export function defineTable<const C extends Columns>(
  table: Table<C> & { dedupKeys: readonly (keyof C & string)[] },
): Table<C> {
  return table;
}

/** Converts camelCase to snake_case: `organizationId` → `organization_id`, `count2xx` → `count_2xx`. */
export function toSnakeCase(name: string): string {
  return name
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replace(/[a-z](?=\dxx)/g, '$&_');
}

/** Maximum length of symbol values, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 512;
/** Maximum length of tags as JSON, and of free text, in UTF-16 code units. */
export const MAX_TEXT_LENGTH = 64 * 1024;

/** Columns that identify the process that recorded a row. */
export const RESOURCE_COLUMNS = {
  service: 'symbol',
  serviceVersion: 'symbol',
  environment: 'symbol',
  instance: 'symbol',
} as const;

/** Columns that identify the tenant of a row. */
export const TENANT_COLUMNS = {
  organizationId: 'symbol',
  propertyId: 'symbol',
} as const;

/** Identifies a process, as an OpenTelemetry resource does. */
export interface ServiceResource {
  service: string;
  serviceVersion?: string | undefined;
  environment?: string | undefined;
  /** Unique for each process start. */
  instance: string;
}

/**
 * Returns the `CREATE TABLE` statement of a measurement table. Rows expire after `retentionDays`.
 */
export function buildCreateTableSql(table: Table, retentionDays: number): string {
  return buildCreateSql(table, `PARTITION BY DAY TTL ${retentionDays} DAYS`);
}

/** Returns the `CREATE TABLE` statement of a state table. Rows expire only if the table has a TTL. */
export function buildCreateStateTableSql(table: Table): string {
  const ttl = table.ttlMonths === undefined ? '' : ` TTL ${table.ttlMonths} MONTHS`;
  return buildCreateSql(table, `PARTITION BY MONTH${ttl}`);
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
