import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError } from '../../core/errors.ts';
import {
  buildCreateRollupSql,
  formatRollupName,
  formatRollupTtl,
  getRollupRetentionDays,
  parseRollupVersion,
  type Retention,
  ROLLUP_DEFINITIONS,
} from '../../core/schema/rollup-definitions.ts';
import {
  buildCreateStateTableSql,
  buildCreateTableSql,
} from '../../core/schema/table-definition.ts';
import { MEASUREMENT_TABLES, STATE_TABLES } from '../../core/schema/table-registry.ts';
import { errorLogsTable } from '../../core/schema/tables/error-logs-table.ts';
import { notificationsTable } from '../../core/schema/tables/notifications-table.ts';
import { peopleTable } from '../../core/schema/tables/people-table.ts';
import { ruleDecisionsTable } from '../../core/schema/tables/rule-decisions-table.ts';
import { execSql } from '../questdb/questdb-http.ts';

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
    statements: (days) => MEASUREMENT_TABLES.map((table) => buildCreateTableSql(table, days)),
  },
  {
    version: 2,
    name: 'state tables',
    statements: () => STATE_TABLES.map((table) => buildCreateStateTableSql(table)),
  },
  {
    version: 3,
    name: 'notifications',
    statements: () => [buildCreateStateTableSql(notificationsTable)],
  },
  {
    version: 4,
    name: 'errors',
    statements: (days) => [buildCreateTableSql(errorLogsTable, days)],
  },
  {
    version: 5,
    name: 'rule decisions',
    statements: () => [buildCreateStateTableSql(ruleDecisionsTable)],
  },
  {
    version: 6,
    name: 'people',
    statements: () => [buildCreateStateTableSql(peopleTable)],
  },
];

export const SCHEMA_VERSION = Math.max(...MIGRATIONS.map((m) => m.version));

/**
 * Makes the roll-ups that are missing. One whose definition has changed has a name of its own, so
 * that it is filled from the rows that are still there, beside the one with the longer history.
 *
 * @returns names of what was made
 */
export async function createRollups(
  target: WriteTarget,
  retention: Retention,
  rollings = ROLLUP_DEFINITIONS,
): Promise<string[]> {
  const { dataset } = await execSql(target, 'SELECT view_name FROM materialized_views()');
  const there = new Set(dataset.map(([name]) => name));
  const made: string[] = [];
  for (const rolling of rollings) {
    for (const unit of rolling.units) {
      const name = formatRollupName(rolling, unit);
      if (there.has(name)) continue;
      await execSql(
        target,
        buildCreateRollupSql(rolling, unit, getRollupRetentionDays(retention, unit)),
      );
      made.push(name);
    }
  }
  return made;
}

/** The TTL that every stored table and roll-up of measurements should have, by name. */
export function getExpectedTtls(
  names: readonly string[],
  retention: Retention,
  rollings = ROLLUP_DEFINITIONS,
): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const { table, units } of rollings) {
    for (const name of names) {
      if (name === table.name) wanted.set(name, `${retention.rawDays} DAY`);
      for (const unit of units) {
        if (parseRollupVersion(name, table.name, unit) === undefined) continue;
        wanted.set(name, formatRollupTtl(unit, getRollupRetentionDays(retention, unit)));
      }
    }
  }
  return wanted;
}

const CREATE_MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations
  (timestamp TIMESTAMP, version LONG, name VARCHAR, applied_at TIMESTAMP)
  TIMESTAMP(timestamp) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(timestamp, version)`;

export interface MigrationReport {
  /** Version of the schema after the run. */
  version: number;
  /** Names of what this run applied. */
  applied: string[];
}

/**
 * Brings the database to this version's tables and roll-ups. What is new keeps its rows for
 * `retention`. Several processes may do so at once: statements are idempotent, and a migration
 * recorded twice is one row.
 *
 * @throws PS_SCHEMA_NEWER, PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function migrate(target: WriteTarget, retention: Retention): Promise<MigrationReport> {
  const { version, applied } = await migrateTables(target, retention);
  return { version, applied: [...applied, ...(await createRollups(target, retention))] };
}

/**
 * The tables alone: a service that only writes may end before the roll-ups, which take seconds, are
 * there. A server makes them, or `perfscope migrate`.
 */
export async function migrateTables(
  target: WriteTarget,
  retention: Retention,
): Promise<MigrationReport> {
  await execSql(target, CREATE_MIGRATIONS_TABLE);
  const done = await getAppliedVersions(target);
  const newest = Math.max(0, ...done);
  if (newest > SCHEMA_VERSION) {
    throw createError('PS_SCHEMA_NEWER', { found: newest, known: SCHEMA_VERSION });
  }
  const applied: string[] = [];
  for (const migration of MIGRATIONS.filter((m) => !done.has(m.version))) {
    for (const statement of migration.statements(retention.rawDays))
      await execSql(target, statement);
    await execSql(target, toInsertStatement(migration));
    applied.push(migration.name);
  }
  return { version: SCHEMA_VERSION, applied };
}

async function getAppliedVersions(target: WriteTarget): Promise<Set<number>> {
  const { dataset } = await execSql(target, 'SELECT version FROM schema_migrations');
  return new Set(dataset.map(([version]) => Number(version)));
}

/** The row's timestamp is its version in seconds, so that recording it again is an upsert. */
function toInsertStatement({ version, name }: Migration): string {
  return [
    'INSERT INTO schema_migrations',
    `VALUES (${version * 1_000_000}, ${version}, '${name}', now())`,
  ].join(' ');
}
