import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError, PerfscopeError } from '../../core/perfscope-error.ts';
import {
  getRollupRetentionDays,
  type Retention,
  ROLLUP_DEFINITIONS,
  type RollupDefinition,
  type RollupUnit,
} from '../../core/schema/rollup-definitions.ts';
import { formatRollupName } from '../../core/schema/rollup-names.ts';
import { buildCreateRollupSql } from '../../core/schema/rollup-sql.ts';
import { MIGRATIONS_TABLE } from '../../core/schema/table-registry.ts';
import { type ExecOptions, execSql } from '../questdb/exec-sql-http.ts';
import {
  createConflict,
  planSchemaRepairs,
  SCHEMA_TABLE_NAMES,
  type SchemaPlan,
} from './plan-schema-repairs.ts';
import { readSchema, type StoredSchema } from './read-schema.ts';
import { readChangedUntilMs } from './rollup-history-tables.ts';

/**
 * Names of all schema versions, starting with version 1. Only append to this list. The table
 * definitions describe the newest version, and `planSchemaRepairs` adds the missing parts. A new
 * version must not rename, change, or drop anything.
 */
const SCHEMA_VERSIONS = [
  'measurement tables',
  'state tables',
  'notifications',
  'errors',
  'rule decisions',
  'people',
] as const;

/** Time for QuestDB to apply a change of another process, in ms. Until then, the change can't be read. */
const APPLY_TIMEOUT_MS = 2000;
const APPLY_POLL_INTERVAL_MS = 100;
const MAX_ROLLUP_ATTEMPTS = 4;

const SCHEMA_VERSION = SCHEMA_VERSIONS.length;

const CREATE_MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS ${MIGRATIONS_TABLE}
  (timestamp TIMESTAMP, version LONG, name VARCHAR, applied_at TIMESTAMP)
  TIMESTAMP(timestamp) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(timestamp, version)`;

export interface MigrationReport {
  /** Schema version after the run. */
  version: number;
  /** Names of the versions, roll-ups, tables, and columns that this run added. */
  applied: string[];
  /**
   * Names of the roll-ups, tables, columns, and dedup keys that were missing and that this run created.
   * Unlike `applied`, it lists the tables of a new database, and no versions.
   */
  repaired: string[];
  /** Parts of the schema that must be repaired by hand (PS_SCHEMA_CONFLICT). */
  conflicts: readonly PerfscopeError[];
}

/**
 * Creates the tables and roll-ups of this version, and repairs tables that have been changed. New
 * tables and roll-ups keep their rows for `retention`. Several processes can run this at the same
 * time, because the statements are idempotent and a version that is recorded twice becomes one row.
 *
 * @param options of each statement
 * @throws PS_SCHEMA_NEWER if a newer version of Perfscope has migrated the database
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function migrate(
  target: WriteTarget,
  retention: Retention,
  options: ExecOptions = {},
): Promise<MigrationReport> {
  const report = await migrateTables(target, retention, options);
  const rollups = await createRollups(target, retention, ROLLUP_DEFINITIONS, options).catch(
    (error): RollupReport => {
      // A table with a conflict can't have roll-ups. The other parts of the server still work.
      if (report.conflicts.length > 0 && isRejected(error)) return { created: [], conflicts: [] };
      throw error;
    },
  );
  return {
    ...report,
    applied: [...report.applied, ...rollups.created],
    repaired: [...report.repaired, ...rollups.created],
    conflicts: [...report.conflicts, ...rollups.conflicts],
  };
}

/**
 * Creates and repairs only the tables. Needs three short statements if nothing is missing. Creating
 * the roll-ups takes seconds, and a service that only writes might exit before that. A server or
 * `perfscope migrate` creates them.
 *
 * @param options of each statement
 * @throws see {@link migrate}
 */
export async function migrateTables(
  target: WriteTarget,
  retention: Retention,
  options: ExecOptions = {},
): Promise<MigrationReport> {
  const stored = await readSchema(target, SCHEMA_TABLE_NAMES, options);
  const recorded = await readRecordedVersions(target, stored, options);
  const newest = Math.max(0, ...recorded);
  if (newest > SCHEMA_VERSION) {
    throw createError('PS_SCHEMA_NEWER', { found: newest, known: SCHEMA_VERSION });
  }
  const plan = planSchemaRepairs(stored, retention.rawDays);
  await runRepairs(target, plan, retention, options);
  const versions = SCHEMA_VERSIONS.map((name, i) => ({ version: i + 1, name })).filter(
    ({ version }) => !recorded.has(version),
  );
  if (!stored.has(MIGRATIONS_TABLE)) await execSql(target, CREATE_MIGRATIONS_TABLE, options);
  for (const { version, name } of versions) {
    await execSql(target, toInsertStatement(version, name), options);
  }
  // In a new database, the versions describe all tables.
  const repairs = recorded.size === 0 ? [] : plan.repairs;
  return {
    version: SCHEMA_VERSION,
    applied: [...versions, ...repairs].map(({ name }) => name),
    repaired: plan.repairs.map(({ name }) => name),
    conflicts: plan.conflicts,
  };
}

/**
 * Runs the statements of a plan. Another process can run the same statements at the same time, and
 * QuestDB then rejects some of them. Such an error is ignored if nothing is missing afterward.
 */
async function runRepairs(
  target: WriteTarget,
  { repairs }: SchemaPlan,
  retention: Retention,
  options: ExecOptions,
): Promise<void> {
  const failures = new Map<string, unknown>();
  for (const { name, statement } of repairs) {
    try {
      await execSql(target, statement, options);
    } catch (error) {
      if (!isRejected(error)) throw error;
      failures.set(name, error);
    }
  }
  const deadlineMs = performance.now() + APPLY_TIMEOUT_MS;
  while (failures.size > 0) {
    const stored = await readSchema(target, SCHEMA_TABLE_NAMES, options);
    const { repairs: missing } = planSchemaRepairs(stored, retention.rawDays);
    const failed = missing.find(({ name }) => failures.has(name));
    if (!failed) return;
    if (performance.now() > deadlineMs) throw failures.get(failed.name);
    await delay(APPLY_POLL_INTERVAL_MS);
  }
}

function isRejected(error: unknown): boolean {
  return error instanceof PerfscopeError && error.code === 'PS_QUESTDB_REFUSED';
}

export interface RollupReport {
  /** Names of the new roll-ups. */
  readonly created: readonly string[];
  /** Roll-ups whose names belong to other tables (PS_SCHEMA_CONFLICT). */
  readonly conflicts: readonly PerfscopeError[];
}

/**
 * Creates the missing roll-ups. If a definition has changed, its roll-up gets a new name and is
 * filled from the existing rows. The old roll-up remains, because its history can be longer.
 */
export async function createRollups(
  target: WriteTarget,
  retention: Retention,
  definitions = ROLLUP_DEFINITIONS,
  options: ExecOptions = {},
): Promise<RollupReport> {
  const stored = await readSchema(target, [], options);
  const created: string[] = [];
  const conflicts: PerfscopeError[] = [];
  for (const definition of definitions) {
    for (const unit of definition.units) {
      const name = formatRollupName(definition, unit);
      const relation = stored.get(name);
      if (relation?.isRollup) continue;
      if (relation) {
        conflicts.push(createConflict(name, 'is not a materialized view', 'roll-up', stored));
        // The coarser roll-ups would be computed from this table.
        break;
      }
      await createRollup(target, definition, unit, retention, options);
      created.push(name);
    }
  }
  return { created, conflicts };
}

/**
 * Creates a roll-up. QuestDB rejects the statement while another process is creating the roll-up that it is
 * computed from.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function createRollup(
  target: WriteTarget,
  definition: RollupDefinition,
  unit: RollupUnit,
  retention: Retention,
  options: ExecOptions = {},
): Promise<void> {
  const fromMs = await readChangedUntilMs(target, definition, options);
  const days = getRollupRetentionDays(retention, unit);
  const sql = buildCreateRollupSql(definition, unit, days, fromMs);
  for (let attempt = 1; ; attempt++) {
    try {
      await execSql(target, sql, options);
      return;
    } catch (error) {
      if (attempt === MAX_ROLLUP_ATTEMPTS || !isRejected(error)) throw error;
      await delay(APPLY_POLL_INTERVAL_MS * 2 ** attempt);
    }
  }
}

async function readRecordedVersions(
  target: WriteTarget,
  stored: StoredSchema,
  options: ExecOptions,
): Promise<Set<number>> {
  if (!stored.has(MIGRATIONS_TABLE)) return new Set();
  const { dataset } = await execSql(target, `SELECT version FROM ${MIGRATIONS_TABLE}`, options);
  return new Set(dataset.map(([version]) => Number(version)).filter(Number.isFinite));
}

/** Uses the version in seconds as the timestamp, so that recording a version again is an upsert. */
function toInsertStatement(version: number, name: string): string {
  return [
    `INSERT INTO ${MIGRATIONS_TABLE}`,
    `VALUES (${version * 1_000_000}, ${version}, '${name}', now())`,
  ].join(' ');
}
