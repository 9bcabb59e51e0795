import { createStateTable, createTable } from '../schema/ddl.ts';
import { errorLogs } from '../schema/error-logs.ts';
import { notifications } from '../schema/notifications.ts';
import { people } from '../schema/people.ts';
import { ruleDecisions } from '../schema/rule-decisions.ts';
import { MEASUREMENT_TABLES, STATE_TABLES } from '../schema/tables.ts';

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
  {
    version: 2,
    name: 'state tables',
    statements: () => STATE_TABLES.map((table) => createStateTable(table)),
  },
  {
    version: 3,
    name: 'notifications',
    statements: () => [createStateTable(notifications)],
  },
  {
    version: 4,
    name: 'errors',
    statements: (days) => [createTable(errorLogs, days)],
  },
  {
    version: 5,
    name: 'rule decisions',
    statements: () => [createStateTable(ruleDecisions)],
  },
  {
    version: 6,
    name: 'people',
    statements: () => [createStateTable(people)],
  },
];

export const SCHEMA_VERSION = Math.max(...MIGRATIONS.map((m) => m.version));
