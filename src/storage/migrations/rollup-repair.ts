import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { MINUTE_MS } from '../../core/duration.ts';
import {
  type Retention,
  ROLLUP_DEFINITIONS,
  ROLLUP_UNITS,
} from '../../core/schema/rollup-definitions.ts';
import { execSql } from '../questdb/exec-sql-http.ts';
import type { StoredRollup, StoredRollups } from './read-rollups.ts';
import { findHistory, isApplied, replaceRollups } from './replace-rollups.ts';
import { type RowTimes, readRowTimes } from './rollup-history-tables.ts';

/**
 * Time before the last interval of a roll-up in which the rows of the base can be in both. Services send the
 * rows of the last minute again after `DROP TABLE`.
 */
const RESENT_MS = 2 * MINUTE_MS;

/**
 * The result of a repair:
 * - `waiting`: the base must be repaired or computed first.
 * - `rebuilding`: QuestDB computes the roll-up from its base again.
 * - `replaced`: the roll-up and the coarser ones were created again. Their history is in `tables`.
 */
export type RollupRepair =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'rebuilding' }
  | { readonly kind: 'replaced'; readonly tables: readonly string[] };

/**
 * Repairs an invalid roll-up without losing history. Rebuilds it if its base still has all of its intervals.
 * Otherwise, keeps its history in a table, and creates the roll-up again, together with the coarser ones.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function repairRollup(
  target: WriteTarget,
  rollup: StoredRollup,
  { ids, rollups }: StoredRollups,
  retention: Retention,
): Promise<RollupRepair> {
  const base = rollups.find(({ name }) => name === rollup.base);
  const baseId = ids.get(rollup.base);
  const isBaseReady = baseId !== undefined && (!base || (!base.isInvalid && base.isComputed));
  if (!isBaseReady) return { kind: 'waiting' };
  const times = await readRowTimes(target, rollup.name);
  const baseTimes = await readRowTimes(target, rollup.base);
  const cause = getCause(rollup, baseId, times, baseTimes);
  // An earlier replacement did not finish if there is a history.
  if (findHistory(rollup, ids) === undefined && (!times || cause === 'other')) {
    await execSql(target, `REFRESH MATERIALIZED VIEW ${rollup.name} FULL`);
    return { kind: 'rebuilding' };
  }
  const chain = rollups.filter(
    ({ definition, version, unit }) =>
      definition === rollup.definition &&
      version === rollup.version &&
      ROLLUP_UNITS[unit].ms >= ROLLUP_UNITS[rollup.unit].ms,
  );
  // QuestDB invalidates the coarser roll-ups a moment later.
  if (chain.some(({ isInvalid }) => !isInvalid)) return { kind: 'waiting' };
  const names = [rollup.base, ...chain.map(({ name }) => name)];
  if (!(await isApplied(target, names))) return { kind: 'waiting' };
  const tables = await replaceRollups(chain, {
    target,
    retention,
    tables: ids,
    kind: cause === 'changed' ? 'changed' : 'lost',
    untilMs: times ? await getUntilMs(target, rollup, cause, times, baseTimes) : 0,
  });
  return { kind: 'replaced', tables };
}

/**
 * Why a roll-up can't be rebuilt from its base without losing history:
 * - `emptied`: the base was created again or truncated. It contains only rows that came later.
 * - `changed`: a column was dropped or renamed. The base has all rows, but not all of their values.
 * - `expired`: the base no longer has the oldest rows.
 * - `other`: it can be rebuilt.
 */
type InvalidationCause = 'emptied' | 'changed' | 'expired' | 'other';

function getCause(
  { id, base, unit, reason = '' }: StoredRollup,
  baseId: number,
  times: RowTimes | undefined,
  baseTimes: RowTimes | undefined,
): InvalidationCause {
  const isRawBase = ROLLUP_DEFINITIONS.some(({ table }) => table.name === base);
  const isEmptied = baseId > id || !baseTimes || /truncate/.test(reason);
  if (isRawBase && isEmptied) return 'emptied';
  if (/\bcolumn\b/.test(reason)) return 'changed';
  // The first row of an interval can be up to one interval later than the interval's start.
  const hasAll = times && baseTimes && times.firstMs + ROLLUP_UNITS[unit].ms > baseTimes.firstMs;
  return hasAll ? 'other' : 'expired';
}

/** Returns the end of the history. The new roll-up contains the rows of the base from then on. */
async function getUntilMs(
  target: WriteTarget,
  rollup: StoredRollup,
  cause: InvalidationCause,
  times: RowTimes,
  baseTimes: RowTimes | undefined,
): Promise<number> {
  const unitMs = ROLLUP_UNITS[rollup.unit].ms;
  if (cause === 'emptied') return await getEmptiedUntilMs(target, rollup, times);
  if (cause === 'changed') return times.lastMs;
  return getStartMs(baseTimes?.firstMs, unitMs, times.lastMs + unitMs);
}

function getStartMs(firstMs: number | undefined, unitMs: number, defaultMs: number): number {
  return firstMs === undefined ? defaultMs : Math.floor(firstMs / unitMs) * unitMs;
}

/**
 * Returns the end of the history of a roll-up whose base was created again. The last intervals belong to the
 * new roll-up if the new base has rows for them, because services have sent these rows again.
 */
async function getEmptiedUntilMs(
  target: WriteTarget,
  { base, unit }: StoredRollup,
  { lastMs }: RowTimes,
): Promise<number> {
  const unitMs = ROLLUP_UNITS[unit].ms;
  const from = new Date(lastMs - RESENT_MS).toISOString();
  const resent = await readRowTimes(target, `${base} WHERE timestamp >= '${from}'`);
  return Math.min(getStartMs(resent?.firstMs, unitMs, lastMs + unitMs), lastMs + unitMs);
}
