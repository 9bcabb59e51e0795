import { DIMENSIONS, type Dimension } from '../../windows/dimensions.ts';

interface AggregateWords {
  /** Unit of the value; `type` is the unit in which the metric type is stored (times in ms). */
  readonly unit: 'type' | '%' | '1' | 'ms' | '1/min';
  /** Whether the measure must name a metric type, may, or must not because only one is meant. */
  readonly type: 'required' | 'optional' | 'none';
  /** The further key that this aggregate needs or takes. */
  readonly parameter?: 'slowerThan' | 'baseline';
  readonly about: string;
}

const OF_TYPE = { unit: 'type', type: 'required' } as const;

/** What can be computed of the measurements of a window. `docs/alerts.md` shows this table. */
export const AGGREGATES = {
  mean: { ...OF_TYPE, about: 'mean of all measurements, weighed by count' },
  min: { ...OF_TYPE, about: 'least measurement' },
  max: { ...OF_TYPE, about: 'greatest measurement' },
  last: { ...OF_TYPE, about: 'newest value of a gauge' },
  p50: { ...OF_TYPE, about: 'median, from merged buckets' },
  p90: { ...OF_TYPE, about: '90th percentile' },
  p95: { ...OF_TYPE, about: '95th percentile' },
  p99: { ...OF_TYPE, about: '99th percentile' },
  p999: { ...OF_TYPE, about: '99.9th percentile' },
  count: { unit: '1', type: 'optional', about: 'number of measurements in the window' },
  rate: { unit: '1/min', type: 'optional', about: 'measurements a minute' },
  error_ratio: { unit: '%', type: 'required', about: 'share of them that failed' },
  slow_share: {
    unit: '%',
    type: 'required',
    parameter: 'slowerThan',
    about: 'share of them that took longer than `slowerThan`',
  },
  apdex: {
    unit: '1',
    type: 'required',
    parameter: 'slowerThan',
    about: 'Apdex with `slowerThan` as its target time',
  },
  spike: {
    unit: '1',
    type: 'required',
    parameter: 'baseline',
    about: 'mean of the window divided by the mean of `baseline` [1d]',
  },
  uptime: { unit: '%', type: 'none', about: 'share of the intervals in which it reported' },
  depth: { unit: '1', type: 'none', about: 'jobs that wait in the queue' },
  oldest_age: { unit: 'ms', type: 'none', about: 'for how long the oldest job has been waiting' },
  failure_rate: { unit: '%', type: 'none', about: 'share of the ended jobs that failed' },
  time_to_drain: {
    unit: 'ms',
    type: 'none',
    about: 'until the queue is empty at the present rates; ∞ when it grows',
  },
} as const satisfies Readonly<Record<string, AggregateWords>>;
export type Aggregate = keyof typeof AGGREGATES;

/** The words of `name`, as their widest type. */
export function aggregateWords(name: Aggregate): AggregateWords {
  return AGGREGATES[name];
}

/** Aggregates of queues. */
export const QUEUE_AGGREGATES: ReadonlySet<Aggregate> = new Set([
  'depth',
  'oldest_age',
  'failure_rate',
  'time_to_drain',
]);

/** What the rows that an aggregate looks at are called, and by what they are grouped and filtered. */
interface Rows {
  readonly name: string;
  readonly groupBy: readonly Dimension[];
  readonly filter: readonly Dimension[];
}

const OF_WORK: Rows = { name: 'measurements', groupBy: DIMENSIONS, filter: DIMENSIONS };
const OF_QUEUES: Rows = {
  name: 'queues',
  groupBy: DIMENSIONS.filter((name) => name !== 'endpoint' && name !== 'operation'),
  filter: DIMENSIONS,
};
/** Health is a process' own: it has no tenant, and no work that it does. */
const HEALTH = ['service', 'version', 'environment', 'instance'] as const;
const OF_HEALTH: Rows = { name: 'health rows', groupBy: HEALTH, filter: HEALTH };

export function rowsOf(aggregate: Aggregate): Rows {
  if (aggregate === 'uptime') return OF_HEALTH;
  return QUEUE_AGGREGATES.has(aggregate) ? OF_QUEUES : OF_WORK;
}

/** What Perfscope tells of itself, with the label names that it is told by. */
export const INTERNAL_FIGURES = {
  spool_bytes: { labels: ['service', 'instance'], about: 'bytes of rows that wait for QuestDB' },
  rows_dropped: { labels: ['service', 'instance'], about: 'rows dropped in the last five minutes' },
  questdb_suspended_tables: { labels: ['table'], about: '1 for each table that QuestDB suspended' },
  questdb_invalid_rollups: {
    labels: ['table'],
    about: '1 for each roll-up that QuestDB has given up',
  },
  questdb_lag: { labels: ['table'], about: 'ms by which a table is behind what was written to it' },
  database_unavailable: { labels: [], about: '1 while no rule can be evaluated' },
  rule_failures: { labels: ['failed_rule'], about: 'failed evaluations of a rule in a row' },
  late_evaluations: {
    labels: [],
    about: 'evaluations of the last five minutes that came too late',
  },
} as const satisfies Readonly<
  Record<string, { readonly labels: readonly string[]; readonly about: string }>
>;
export type InternalFigure = keyof typeof INTERNAL_FIGURES;
