import type { RollupUnit } from './rollups.ts';

/** How long what was measured is kept, in days. */
export interface Retention {
  readonly rawDays: number;
  readonly minuteDays: number;
  readonly hourDays: number;
}

export function rollupDays(retention: Retention, unit: RollupUnit): number {
  return unit === '1m' ? retention.minuteDays : retention.hourDays;
}
