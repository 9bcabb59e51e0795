import type { WriteTarget } from '../config/target.ts';
import { coded } from '../errors.ts';
import type { Retention } from '../schema/retention.ts';
import { exec } from './exec.ts';
import { MIGRATIONS, type Migration, SCHEMA_VERSION } from './migrations.ts';
import { createRollups } from './rollups.ts';

const HISTORY = `CREATE TABLE IF NOT EXISTS schema_migrations
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
  await exec(target, HISTORY);
  const done = await appliedVersions(target);
  const newest = Math.max(0, ...done);
  if (newest > SCHEMA_VERSION) {
    throw coded('PS_SCHEMA_NEWER', { found: newest, known: SCHEMA_VERSION });
  }
  const applied: string[] = [];
  for (const migration of MIGRATIONS.filter((m) => !done.has(m.version))) {
    for (const statement of migration.statements(retention.rawDays)) await exec(target, statement);
    await exec(target, record(migration));
    applied.push(migration.name);
  }
  return { version: SCHEMA_VERSION, applied };
}

async function appliedVersions(target: WriteTarget): Promise<Set<number>> {
  const { dataset } = await exec(target, 'SELECT version FROM schema_migrations');
  return new Set(dataset.map(([version]) => Number(version)));
}

/** The row's timestamp is its version in seconds, so that recording it again is an upsert. */
function record({ version, name }: Migration): string {
  return [
    'INSERT INTO schema_migrations',
    `VALUES (${version * 1_000_000}, ${version}, '${name}', now())`,
  ].join(' ');
}
