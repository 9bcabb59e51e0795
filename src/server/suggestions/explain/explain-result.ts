export const EXPLAIN_DATABASES = ['postgresql', 'mysql'] as const;
export type ExplainDatabase = (typeof EXPLAIN_DATABASES)[number];

/** A table that a statement reads completely. */
export interface FullScan {
  readonly table: string;
  /** Estimated number of rows of the table. Undefined if the database has no statistics. */
  readonly rows: number | undefined;
  /** Condition with `?` instead of values. */
  readonly condition: string | undefined;
}

/** The result of EXPLAIN for a statement. It contains no data. */
export interface ExplainResult {
  readonly database: ExplainDatabase;
  /** Version of the server, such as `15.4`. */
  readonly version: string;
  /** Sentence for people. */
  readonly summary: string;
  /** Estimated cost of the statement before the change, in units of the database. */
  readonly cost: number | undefined;
  readonly scans: readonly FullScan[];
  /** Proposed statement that creates the index. Undefined if no index is missing. */
  readonly index: string | undefined;
  /** Lines of the plan, with `?` instead of values. */
  readonly plan: readonly string[];
  /** Time of the plan, in ms since the epoch. */
  readonly atMs: number;
}

/** With fewer rows, reading the whole table is as fast as an index. */
export const MIN_LARGE_TABLE_ROWS = 10_000;
