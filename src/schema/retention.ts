import { ROLLUP_UNITS, type RollupUnit } from './rollup-units.ts';

/** How long what was measured is kept, in days. */
export interface Retention {
  readonly rawDays: number;
  readonly minuteDays: number;
  readonly hourDays: number;
}

/** What is finer than hours is kept as long as minutes are. */
export function rollupDays(retention: Retention, unit: RollupUnit): number {
  return ROLLUP_UNITS[unit].ms < ROLLUP_UNITS['1h'].ms ? retention.minuteDays : retention.hourDays;
}
