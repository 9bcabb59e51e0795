export const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Length of a roll-up's intervals, as its table's name ends. */
export type RollupUnit = '1m' | '10m' | '1h' | '1d';

interface Unit {
  readonly ms: number;
  /** How often its roll-ups are refreshed. */
  readonly everyMs: number;
  readonly partition: 'DAY' | 'WEEK';
}

export const ROLLUP_UNITS: Readonly<Record<RollupUnit, Unit>> = {
  '1m': { ms: MINUTE_MS, everyMs: MINUTE_MS, partition: 'DAY' },
  '10m': { ms: 10 * MINUTE_MS, everyMs: 5 * MINUTE_MS, partition: 'DAY' },
  '1h': { ms: HOUR_MS, everyMs: 10 * MINUTE_MS, partition: 'WEEK' },
  '1d': { ms: 24 * HOUR_MS, everyMs: HOUR_MS, partition: 'WEEK' },
};

/** Rows come this late when nothing is wrong: a flush interval, a retry, and time to be applied. */
const ROWS_LATE_MS = 2 * MINUTE_MS;
/** A refresh is over within this time. */
const REFRESH_MS = MINUTE_MS;

/**
 * How far behind the beginning of a refresh of the last of `chain` its rows may still be incomplete:
 * each roll-up before it is behind by its own timer and refresh.
 *
 * @param chain units of which each is summed from the one before, the first from the rows
 */
export function lateMs(chain: readonly RollupUnit[]): number {
  return chain
    .slice(0, -1)
    .reduce((sum, unit) => sum + ROLLUP_UNITS[unit].everyMs + REFRESH_MS, ROWS_LATE_MS);
}

/** The same behind now, whenever the last refresh was. */
export function settledMs(chain: readonly RollupUnit[]): number {
  const last = chain.at(-1);
  return lateMs(chain) + (last ? ROLLUP_UNITS[last].everyMs + REFRESH_MS : 0);
}

/** The units up to `unit`, each summed from the one before. */
export function chainTo(units: readonly RollupUnit[], unit: RollupUnit): RollupUnit[] {
  return units.slice(0, units.indexOf(unit) + 1);
}
