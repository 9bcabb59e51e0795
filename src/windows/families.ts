import { type Sql, sql } from '../questdb/statement.ts';
import { JOB_COLUMNS, METRIC_COLUMNS } from './dimensions.ts';
import type { Family, Figure } from './select.ts';

/** Measurements, and the points of histograms, gauges and counters. */
export const MEASUREMENTS: Family = {
  table: 'performance_metrics',
  of: 'tenants',
  columns: METRIC_COLUMNS,
  where: sql`coalesce(count, 1) > 0`,
  hasTest: true,
};

export const BUCKETS: Family = {
  table: 'metric_buckets',
  of: 'tenants',
  columns: METRIC_COLUMNS,
  where: sql`count > 0`,
  hasTest: true,
};

/** State transitions of jobs. */
export const JOBS: Family = {
  table: 'queue_metrics',
  of: 'tenants',
  columns: JOB_COLUMNS,
  where: sql`id IS NOT NULL`,
  hasTest: true,
};

/** Health rows of processes and their hosts. */
export const HOSTS: Family = {
  table: 'system_health',
  of: 'hosts',
  columns: {
    service: 'service',
    version: 'service_version',
    environment: 'environment',
    instance: 'instance',
  },
  where: sql`id IS NOT NULL`,
  hasTest: false,
};

export const COUNT: Figure = summed(sql`sum(count)`);
/** Rows of `queue_metrics` and `system_health` count as one each. */
export const ROWS: Figure = summed(sql`count()`, sql`sum(count)`);

/** A sum, of the rows and again of what roll-ups have of it. */
export function summed(rows: Sql, rollup: Sql = rows): Figure {
  return { rows, rollup, again: 'sum' };
}

/** Of the values of measurements of any kind: the latest and when it was, least, greatest, sum and number. */
export const VALUES = {
  last: {
    rows: sql`arg_max(value, timestamp)`,
    rollup: sql`arg_max(value_last, value_at)`,
    again: { latestBy: 'last_at' },
  },
  last_at: { rows: sql`max(timestamp)`, rollup: sql`max(value_at)`, again: 'max' },
  samples: summed(sql`count(value)`, sql`sum(value_count)`),
  value_total: summed(sql`sum(value)`, sql`sum(value_sum)`),
  least: { rows: sql`min(coalesce(min, value))`, rollup: sql`min(min)`, again: 'min' },
  most: { rows: sql`max(coalesce(max, value))`, rollup: sql`max(max)`, again: 'max' },
} as const satisfies Record<string, Figure>;
