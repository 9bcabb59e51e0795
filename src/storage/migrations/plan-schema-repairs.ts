import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';
import {
  buildCreateStateTableSql,
  buildCreateTableSql,
  type ColumnType,
  type Table,
  toSnakeCase,
} from '../../core/schema/table-definition.ts';
import { MEASUREMENT_TABLES, STATE_TABLES } from '../../core/schema/table-registry.ts';
import type { StoredRelation, StoredSchema } from './read-schema.ts';

/** A statement that adds a missing part of the schema. Running it twice has no further effect. */
interface SchemaRepair {
  readonly table: string;
  /** The missing part, for example `column metric_buckets.name`. */
  readonly name: string;
  readonly statement: string;
}

export interface SchemaPlan {
  readonly repairs: readonly SchemaRepair[];
  /** Differences that can't be repaired without a change to existing data (PS_SCHEMA_CONFLICT). */
  readonly conflicts: readonly PerfscopeError[];
}

export const SCHEMA_TABLE_NAMES = [...MEASUREMENT_TABLES, ...STATE_TABLES].map(({ name }) => name);

const TEXT_TYPES: readonly string[] = ['SYMBOL', 'VARCHAR', 'STRING'];
/** Column types of QuestDB that accept all values of a defined type. */
const ACCEPTED_TYPES: Readonly<Record<ColumnType, readonly string[]>> = {
  symbol: TEXT_TYPES,
  varchar: TEXT_TYPES,
  double: ['DOUBLE', 'FLOAT'],
  long: ['LONG'],
  boolean: ['BOOLEAN'],
  timestamp: ['TIMESTAMP', 'TIMESTAMP_NS'],
};

/**
 * Compares the stored tables with their definitions. Other tables, additional columns, and additional
 * dedup keys are ignored.
 *
 * @param retentionDays retention of new measurement tables
 */
export function planSchemaRepairs(stored: StoredSchema, retentionDays: number): SchemaPlan {
  const repairs: SchemaRepair[] = [];
  const conflicts: PerfscopeError[] = [];
  const compare = (table: Table, createStatement: string) => {
    const { name } = table;
    const relation = stored.get(name);
    if (!relation) repairs.push({ table: name, name: `table ${name}`, statement: createStatement });
    else {
      repairs.push(...findRepairs(table, relation));
      conflicts.push(...findConflicts(table, relation, stored));
    }
  };
  for (const table of MEASUREMENT_TABLES) compare(table, buildCreateTableSql(table, retentionDays));
  for (const table of STATE_TABLES) compare(table, buildCreateStateTableSql(table));
  return { repairs, conflicts };
}

function findRepairs({ name, columns, dedupKeys }: Table, stored: StoredRelation): SchemaRepair[] {
  if (!isUsable(stored)) return [];
  const repairs: SchemaRepair[] = [];
  for (const [property, type] of Object.entries(columns)) {
    const column = toSnakeCase(property);
    if (stored.columns.has(column)) continue;
    repairs.push({
      table: name,
      name: `column ${name}.${column}`,
      statement: `ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${column} ${type.toUpperCase()}`,
    });
  }
  // A renamed column stays a key, and the new column isn't one. Different rows would replace each other.
  const keys = ['timestamp', ...dedupKeys.map(toSnakeCase)];
  if (!keys.every((key) => stored.columns.get(key)?.isDedupKey)) {
    repairs.push({
      table: name,
      name: `dedup keys of ${name}`,
      statement: `ALTER TABLE ${name} DEDUP ENABLE UPSERT KEYS(${keys.join(', ')})`,
    });
  }
  return repairs;
}

function findConflicts(
  { name, columns }: Table,
  stored: StoredRelation,
  schema: StoredSchema,
): PerfscopeError[] {
  if (!isUsable(stored)) return [createConflict(name, describeUnusable(stored), 'table', schema)];
  return Object.entries(columns).flatMap(([property, type]) => {
    const column = toSnakeCase(property);
    const found = stored.columns.get(column);
    if (!found || ACCEPTED_TYPES[type].includes(found.type)) return [];
    return [
      createError('PS_SCHEMA_CONFLICT', {
        object: `The column ${column} of the table ${name}`,
        problem: `has the type ${found.type} instead of ${type.toUpperCase()}`,
        part: 'column',
        statement: `ALTER TABLE ${name} RENAME COLUMN ${column} TO ${findFreeName(column, stored.columns)}`,
      }),
    ];
  });
}

/** Returns whether rows of Perfscope can be stored in this table. */
function isUsable({ isRollup, isWal, timestamp }: StoredRelation): boolean {
  return !isRollup && isWal && timestamp === 'timestamp';
}

function describeUnusable({ isRollup, isWal }: StoredRelation): string {
  if (isRollup) return 'is a materialized view';
  return isWal ? 'has another designated timestamp' : 'is not a WAL table';
}

/**
 * Creates the error for a table that has the name of another table or roll-up.
 *
 * @param part the kind of object that Perfscope creates after the table was renamed
 * @param stored all tables and roll-ups, whose names can't be used again
 */
export function createConflict(
  name: string,
  problem: string,
  part: 'table' | 'roll-up',
  stored: StoredSchema,
): PerfscopeError {
  return createError('PS_SCHEMA_CONFLICT', {
    object: `The table ${name}`,
    problem,
    part,
    statement: `RENAME TABLE ${name} TO ${findFreeName(name, stored)}`,
  });
}

/** Returns `name_old`, or the first of `name_old_2`, `name_old_3`, … that is not in `taken`. */
function findFreeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  const base = `${name}_old`;
  let free = base;
  for (let i = 2; taken.has(free); i++) free = `${base}_${i}`;
  return free;
}
