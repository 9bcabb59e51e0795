import { MINUTE_MS } from '../duration.ts';
import {
  getUnitChain,
  ROLLUP_UNITS,
  type RollupDefinition,
  type RollupUnit,
} from './rollup-definitions.ts';
import { formatRollupName } from './rollup-names.ts';

/**
 * Returns the `CREATE MATERIALIZED VIEW` statement of a roll-up. Roll-ups are refreshed by a timer
 * and include late rows. Refreshing after each commit would read the current interval again every
 * second.
 *
 * @param fromMs time before which raw rows are ignored, in ms since the epoch. Default: none.
 */
export function buildCreateRollupSql(
  definition: RollupDefinition,
  unit: RollupUnit,
  days: number,
  fromMs?: number,
): string {
  const finer = getUnitChain(definition.units, unit).at(-2);
  const base = finer ? formatRollupName(definition, finer) : definition.table.name;
  const { refreshIntervalMs, partition } = ROLLUP_UNITS[unit];
  const conditions = finer ? [] : [definition.where];
  if (!finer && fromMs !== undefined) conditions.push(`timestamp >= '${toIsoTime(fromMs)}'`);
  return [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${formatRollupName(definition, unit)} WITH BASE ${base}`,
    `REFRESH EVERY ${refreshIntervalMs / MINUTE_MS}m AS (`,
    `${buildRollupQuery(definition, unit, base, conditions.join(' AND '))})`,
    `PARTITION BY ${partition} TTL ${formatRollupTtl(unit, days)}`,
  ].join(' ');
}

/**
 * Returns the query that computes a roll-up from `source`.
 *
 * @param source raw rows for the finest unit. For other units, a table with the columns of the next finer
 * roll-up.
 * @param condition SQL condition for the rows of `source`. Empty for all rows.
 */
export function buildRollupQuery(
  definition: RollupDefinition,
  unit: RollupUnit,
  source: string,
  condition: string,
): string {
  const isFinest = unit === definition.units[0];
  const columns = Object.entries(definition.aggregates).map(
    ([name, aggregate]) => `${isFinest ? aggregate : buildMergeAggregate(name)} AS ${name}`,
  );
  const where = condition === '' ? '' : ` WHERE ${condition}`;
  return `SELECT timestamp, ${[...definition.keys, ...columns].join(', ')} FROM ${source}${where} SAMPLE BY ${unit}`;
}

function toIsoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Returns the TTL of a roll-up. QuestDB requires a whole number of partitions. */
export function formatRollupTtl(unit: RollupUnit, days: number): string {
  const { partition } = ROLLUP_UNITS[unit];
  return partition === 'DAY' ? `${days} DAY` : `${Math.ceil(days / 7)} WEEK`;
}

/** Returns the expression that combines a roll-up column into a coarser roll-up. */
function buildMergeAggregate(column: string): string {
  if (column === 'value_last') return 'arg_max(value_last, value_at)';
  if (column === 'min') return 'min(min)';
  return /(^|_)(max|at)$/.test(column) ? `max(${column})` : `sum(${column})`;
}
