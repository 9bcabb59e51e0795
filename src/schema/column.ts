/** QuestDB's column types that the tables use, with what a row holds for each in TypeScript. */
interface ColumnValues {
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

export type ColumnType = keyof ColumnValues;
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
export type RowOf<T extends Table> = { timestamp: number } & {
  -readonly [K in keyof T['columns']]?: ColumnValues[T['columns'][K]] | undefined;
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
