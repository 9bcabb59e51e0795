import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { DAY_MS, HOUR_MS } from '../../core/duration.ts';
import { type Retention, ROLLUP_UNITS } from '../../core/schema/rollup-definitions.ts';
import {
  formatRollupHistoryName,
  ROLLUP_HISTORY_KINDS,
  type RollupHistoryKind,
} from '../../core/schema/rollup-history.ts';
import { buildRollupQuery } from '../../core/schema/rollup-sql.ts';
import { execSql } from '../questdb/exec-sql-http.ts';
import { createRollup } from './migrate.ts';
import type { StoredRollup } from './read-rollups.ts';
import { readRowTimes } from './rollup-history-tables.ts';

/** Suffix of a history that doesn't contain all intervals yet. */
const PART_SUFFIX = '_part';
const APPLY_POLL_MS = 200;
/** Time for QuestDB to apply the copied rows. */
const APPLY_TIMEOUT_MS = 5 * 60_000;
/** Last part of a coarser roll-up that is computed again, because it is refreshed less often. */
const RECOMPUTED_MS = DAY_MS;

export interface ReplaceRollupsOptions {
  readonly target: WriteTarget;
  readonly retention: Retention;
  /** Names of all tables. */
  readonly tables: { has(name: string): boolean };
  readonly kind: RollupHistoryKind;
  /** End of the history in ms since the epoch, a whole interval of the first roll-up. */
  readonly untilMs: number;
}

/**
 * Keeps the history of invalid roll-ups in plain tables, and creates the roll-ups again under the same names.
 * The new roll-ups contain only rows that the histories don't contain, so queries add both up.
 *
 * If this fails or the process ends, call it again. A history is complete as soon as it has its final name. A
 * roll-up is dropped only after all histories are complete.
 *
 * @param rollups one table's roll-ups of one version, the finest first. Each is computed from the previous one.
 * @returns names of the histories
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function replaceRollups(
  rollups: readonly StoredRollup[],
  options: ReplaceRollupsOptions,
): Promise<string[]> {
  const { target, retention, tables, kind } = options;
  const histories: { rollup: StoredRollup; name: string; isComplete: boolean }[] = [];
  for (const rollup of rollups) {
    const existing = findHistory(rollup, tables);
    const isComplete = existing !== undefined;
    const name =
      existing ?? formatRollupHistoryName({ view: rollup.name, viewId: rollup.id, kind });
    const finer = histories.at(-1);
    const source = finer && (finer.isComplete ? finer.name : finer.name + PART_SUFFIX);
    if (!isComplete) await copyHistory(rollup, name + PART_SUFFIX, source, options);
    histories.push({ rollup, name, isComplete });
  }
  for (const { name, isComplete } of histories) {
    if (!isComplete) await execSql(target, `RENAME TABLE ${name}${PART_SUFFIX} TO ${name}`);
  }
  // The finest first. Otherwise, another process could create a coarser one from the invalid roll-up.
  for (const { definition, version, unit, name } of rollups) {
    await execSql(target, `DROP MATERIALIZED VIEW IF EXISTS ${name}`);
    if (version === definition.version) await createRollup(target, definition, unit, retention);
  }
  return histories.map(({ name }) => name);
}

/** Returns the complete history of a roll-up that still exists. Undefined if there is none. */
export function findHistory(
  { name, id }: StoredRollup,
  tables: ReplaceRollupsOptions['tables'],
): string | undefined {
  return ROLLUP_HISTORY_KINDS.map((kind) =>
    formatRollupHistoryName({ view: name, viewId: id, kind }),
  ).find((each) => tables.has(each));
}

/**
 * Copies the intervals of a roll-up to a new table.
 *
 * @param finer table with the history of the next finer roll-up, from which the last intervals are computed
 */
async function copyHistory(
  { name: view, definition, unit }: StoredRollup,
  table: string,
  finer: string | undefined,
  { target, untilMs }: ReplaceRollupsOptions,
): Promise<void> {
  await execSql(target, `DROP TABLE IF EXISTS ${table}`);
  const { partition } = ROLLUP_UNITS[unit];
  await execSql(
    target,
    `CREATE TABLE ${table} AS (SELECT * FROM ${view} WHERE timestamp < 0::timestamp) TIMESTAMP(timestamp) PARTITION BY ${partition} WAL`,
  );
  const times = await readRowTimes(target, view);
  const finerTimes = finer === undefined ? undefined : await readRowTimes(target, finer);
  const unitMs = ROLLUP_UNITS[unit].ms;
  const copiedUntilMs =
    finer === undefined
      ? untilMs
      : Math.min(
          getCopiedUntilMs(unitMs, times?.lastMs, finerTimes?.firstMs),
          Math.floor(untilMs / unitMs) * unitMs,
        );
  const chunkMs = unitMs < HOUR_MS ? 6 * HOUR_MS : DAY_MS;
  let expected = 0;
  if (times) {
    const endMs = Math.min(copiedUntilMs, times.lastMs + 1);
    for (let ms = times.firstMs; ms < endMs; ms += chunkMs) {
      const range = toCondition(ms, Math.min(ms + chunkMs, endMs));
      await execSql(target, `INSERT INTO ${table} SELECT * FROM ${view} WHERE ${range}`);
    }
    expected += await count(target, `${view} WHERE ${toCondition(times.firstMs, endMs)}`);
  }
  if (finer !== undefined && finerTimes) {
    const condition = `timestamp >= '${toIso(copiedUntilMs)}'`;
    const query = buildRollupQuery(definition, unit, finer, condition);
    await execSql(target, `INSERT INTO ${table} ${query}`);
    expected += await count(target, `(${query})`);
  }
  await waitUntilApplied(target, table);
  const copied = await count(target, table);
  if (copied !== expected) {
    throw new Error(`the table ${table} has ${copied} rows instead of ${expected}`);
  }
}

/**
 * Returns the time from which a coarser history is computed from the finer one, in ms since the epoch. The
 * finer history contains this time and all later times.
 */
function getCopiedUntilMs(
  unitMs: number,
  lastMs: number | undefined,
  finerFirstMs: number | undefined,
): number {
  if (lastMs === undefined) return finerFirstMs ?? 0;
  if (finerFirstMs === undefined) return lastMs + unitMs;
  const recomputedMs = Math.floor((lastMs - RECOMPUTED_MS) / DAY_MS) * DAY_MS;
  return Math.max(recomputedMs, Math.ceil(finerFirstMs / unitMs) * unitMs);
}

async function waitUntilApplied(target: WriteTarget, table: string): Promise<void> {
  const deadlineMs = performance.now() + APPLY_TIMEOUT_MS;
  for (;;) {
    if (await isApplied(target, [table])) return;
    if (performance.now() > deadlineMs) throw new Error(`QuestDB does not apply rows to ${table}`);
    await delay(APPLY_POLL_MS);
  }
}

/**
 * Returns whether all written rows of the tables and roll-ups can be read.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function isApplied(target: WriteTarget, names: readonly string[]): Promise<boolean> {
  const list = names.map((name) => `'${name}'`).join(', ');
  const query = `SELECT name FROM wal_tables() WHERE (suspended OR writerTxn < sequencerTxn) AND name IN (${list})`;
  return (await execSql(target, query)).dataset.length === 0;
}

async function count(target: WriteTarget, source: string): Promise<number> {
  return Number((await execSql(target, `SELECT count() FROM ${source}`)).dataset[0]?.[0]);
}

function toCondition(fromMs: number, toMs: number): string {
  return `timestamp >= '${toIso(fromMs)}' AND timestamp < '${toIso(toMs)}'`;
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
