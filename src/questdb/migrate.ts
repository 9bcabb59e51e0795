import type { WriteTarget } from '../config/target.ts';
import { coded } from '../errors.ts';
import { setRetention } from '../schema/ddl.ts';
import { MEASUREMENT_TABLES } from '../schema/tables.ts';
import { exec } from './exec.ts';
import { MIGRATIONS, type Migration, SCHEMA_VERSION } from './migrations.ts';

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
 * Brings the database to this version's schema. New tables keep rows for `retentionDays`. Several processes may do so at
 * once: statements are idempotent, and a migration recorded twice is one row.
 *
 * @throws PS_SCHEMA_NEWER, PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function migrate(
  target: WriteTarget,
  retentionDays: number,
): Promise<MigrationReport> {
  await exec(target, HISTORY);
  const done = await appliedVersions(target);
  const newest = Math.max(0, ...done);
  if (newest > SCHEMA_VERSION) {
    throw coded('PS_SCHEMA_NEWER', { found: newest, known: SCHEMA_VERSION });
  }
  const applied: string[] = [];
  for (const migration of MIGRATIONS.filter((m) => !done.has(m.version))) {
    for (const statement of migration.statements(retentionDays)) await exec(target, statement);
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

/** Makes the measurement tables keep their rows for `retentionDays`, whatever it was before. */
export async function applyRetention(target: WriteTarget, retentionDays: number): Promise<void> {
  const sql = "SELECT table_name, ttlValue, ttlUnit FROM tables() WHERE ttlUnit != 'NONE'";
  const { dataset } = await exec(target, sql);
  const now = new Map(dataset.map(([name, value, unit]) => [name, `${value} ${unit}`]));
  for (const table of MEASUREMENT_TABLES) {
    if (now.get(table.name) !== `${retentionDays} DAY`) {
      await exec(target, setRetention(table, retentionDays));
    }
  }
}
