import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError } from '../../core/perfscope-error.ts';
import {
  buildCreateRollupSql,
  formatRollupName,
  getRollupRetentionDays,
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
import { type ExecOptions, execSql } from '../questdb/exec-sql-http.ts';

interface Migration {
  readonly version: number;
  readonly name: string;
  /** Idempotent statements, because several processes can run them at the same time. */
  readonly statements: (retentionDays: number) => readonly string[];
}

/**
 * All migrations in order. Only append to this list. A migration must not rename, change, or drop
 * anything.
 */
const MIGRATIONS: readonly Migration[] = [
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

const SCHEMA_VERSION = Math.max(...MIGRATIONS.map((m) => m.version));

const CREATE_MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations
  (timestamp TIMESTAMP, version LONG, name VARCHAR, applied_at TIMESTAMP)
  TIMESTAMP(timestamp) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(timestamp, version)`;

export interface MigrationReport {
  /** Schema version after the run. */
  version: number;
  /** Names of the migrations and roll-ups that this run applied. */
  applied: string[];
}

/**
 * Creates the tables and roll-ups of this version. New tables and roll-ups keep their rows for
 * `retention`. Several processes can run this at the same time, because the statements are
 * idempotent and a migration that is recorded twice becomes one row.
 *
 * @throws PS_SCHEMA_NEWER if a newer version of Perfscope has migrated the database
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function migrate(target: WriteTarget, retention: Retention): Promise<MigrationReport> {
  const { version, applied } = await migrateTables(target, retention);
  return { version, applied: [...applied, ...(await createRollups(target, retention))] };
}

/**
 * Creates only the tables. Creating the roll-ups takes seconds, and a service that only writes
 * might exit before that. A server or `perfscope migrate` creates them.
 *
 * @param options of each statement
 */
export async function migrateTables(
  target: WriteTarget,
  retention: Retention,
  options: ExecOptions = {},
): Promise<MigrationReport> {
  await execSql(target, CREATE_MIGRATIONS_TABLE, options);
  const appliedVersions = await getAppliedVersions(target, options);
  const newest = Math.max(0, ...appliedVersions);
  if (newest > SCHEMA_VERSION) {
    throw createError('PS_SCHEMA_NEWER', { found: newest, known: SCHEMA_VERSION });
  }
  const applied: string[] = [];
  for (const migration of MIGRATIONS.filter((m) => !appliedVersions.has(m.version))) {
    for (const statement of migration.statements(retention.rawDays))
      await execSql(target, statement, options);
    await execSql(target, toInsertStatement(migration), options);
    applied.push(migration.name);
  }
  return { version: SCHEMA_VERSION, applied };
}

/**
 * Creates the missing roll-ups. If a definition has changed, its roll-up gets a new name and is
 * filled from the existing rows. The old roll-up remains, because its history can be longer.
 *
 * @returns names of the new roll-ups
 */
export async function createRollups(
  target: WriteTarget,
  retention: Retention,
  definitions = ROLLUP_DEFINITIONS,
): Promise<string[]> {
  const { dataset } = await execSql(target, 'SELECT view_name FROM materialized_views()');
  const existing = new Set(dataset.map(([name]) => name));
  const created: string[] = [];
  for (const definition of definitions) {
    for (const unit of definition.units) {
      const name = formatRollupName(definition, unit);
      if (existing.has(name)) continue;
      await execSql(
        target,
        buildCreateRollupSql(definition, unit, getRollupRetentionDays(retention, unit)),
      );
      created.push(name);
    }
  }
  return created;
}

async function getAppliedVersions(target: WriteTarget, options: ExecOptions): Promise<Set<number>> {
  const { dataset } = await execSql(target, 'SELECT version FROM schema_migrations', options);
  return new Set(dataset.map(([version]) => Number(version)));
}

/** Uses the version in seconds as the timestamp, so that recording a version again is an upsert. */
function toInsertStatement({ version, name }: Migration): string {
  return [
    'INSERT INTO schema_migrations',
    `VALUES (${version * 1_000_000}, ${version}, '${name}', now())`,
  ].join(' ');
}
