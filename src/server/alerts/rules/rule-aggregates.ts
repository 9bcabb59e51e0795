import { DIMENSIONS, type Dimension } from '../../../storage/queries/query.ts';

interface AggregateDefinition {
  /** Unit of the value; `type` is the unit in which the metric type is stored (times in ms). */
  readonly unit: 'type' | '%' | '1' | 'ms' | '1/min';
  /** Whether the measure must name a metric type, may, or must not because only one is meant. */
  readonly type: 'required' | 'optional' | 'none';
  /** The further key that this aggregate needs or takes. */
  readonly parameter?: 'slowerThan' | 'baseline';
  readonly about: string;
}

const TYPED = { unit: 'type', type: 'required' } as const;

/** What can be computed of the measurements of a window. `docs/alerts.md` shows this table. */
export const AGGREGATES = {
  mean: { ...TYPED, about: 'mean of all measurements, weighed by count' },
  min: { ...TYPED, about: 'least measurement' },
  max: { ...TYPED, about: 'greatest measurement' },
  last: { ...TYPED, about: 'newest value of a gauge' },
  p50: { ...TYPED, about: 'median, from merged buckets' },
  p90: { ...TYPED, about: '90th percentile' },
  p95: { ...TYPED, about: '95th percentile' },
  p99: { ...TYPED, about: '99th percentile' },
  p999: { ...TYPED, about: '99.9th percentile' },
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
} as const satisfies Readonly<Record<string, AggregateDefinition>>;
export type Aggregate = keyof typeof AGGREGATES;

/** The words of `name`, as their widest type. */
export function getAggregate(name: Aggregate): AggregateDefinition {
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
interface RowSource {
  readonly name: string;
  readonly groupBy: readonly Dimension[];
  readonly filter: readonly Dimension[];
}

const MEASUREMENT_ROWS: RowSource = {
  name: 'measurements',
  groupBy: DIMENSIONS,
  filter: DIMENSIONS,
};
const QUEUE_ROWS: RowSource = {
  name: 'queues',
  groupBy: DIMENSIONS.filter((name) => name !== 'endpoint' && name !== 'operation'),
  filter: DIMENSIONS,
};
/** Health is a process' own: it has no tenant, and no work that it does. */
const HEALTH_DIMENSIONS = ['service', 'version', 'environment', 'instance'] as const;
const HEALTH_ROWS: RowSource = {
  name: 'health rows',
  groupBy: HEALTH_DIMENSIONS,
  filter: HEALTH_DIMENSIONS,
};

export function getRowSource(aggregate: Aggregate): RowSource {
  if (aggregate === 'uptime') return HEALTH_ROWS;
  return QUEUE_AGGREGATES.has(aggregate) ? QUEUE_ROWS : MEASUREMENT_ROWS;
}

/** What Perfscope tells of itself, with the label names that it is told by. */
export const INTERNAL_METRICS = {
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
export type InternalMetric = keyof typeof INTERNAL_METRICS;
