import { createTable } from '../schema/ddl.ts';
import { MEASUREMENT_TABLES } from '../schema/tables.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Statements that may run twice, or in two processes at once, with the same result. */
  readonly statements: (retentionDays: number) => readonly string[];
}

/** In order, only ever added to. Each is additive: nothing is renamed, changed or dropped. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'measurement tables',
    statements: (days) => MEASUREMENT_TABLES.map((table) => createTable(table, days)),
  },
];

export const SCHEMA_VERSION = Math.max(...MIGRATIONS.map((m) => m.version));
