import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import { DIMENSIONS, type Dimension } from '../../../storage/queries/query-definition.ts';

interface AggregateDefinition {
  /** Unit of the value. `type` is the stored unit of the metric type, which is ms for durations. */
  readonly unit: 'type' | '%' | '1' | 'ms' | '1/min';
  /** Whether the measure requires, allows, or doesn't allow a metric type. */
  readonly type: 'required' | 'optional' | 'none';
  /** An additional key of this aggregate. */
  readonly parameter?: 'slowerThan' | 'baseline' | 'of';
  /** Whether the value is a share of independent measurements. */
  readonly isShare?: true;
  readonly about: string;
}

const TYPED = { unit: 'type', type: 'required' } as const;

/** Aggregates over the measurements of a window. `docs/alerts.md` contains this table. */
export const AGGREGATES = {
  mean: { ...TYPED, about: 'mean of all measurements' },
  min: { ...TYPED, about: 'smallest measurement' },
  max: { ...TYPED, about: 'largest measurement' },
  last: { ...TYPED, about: 'newest value of a gauge' },
  p50: { ...TYPED, about: 'median, from merged buckets' },
  p90: { ...TYPED, about: '90th percentile' },
  p95: { ...TYPED, about: '95th percentile' },
  p99: { ...TYPED, about: '99th percentile' },
  p999: { ...TYPED, about: '99.9th percentile' },
  count: { unit: '1', type: 'optional', about: 'number of measurements in the window' },
  rate: { unit: '1/min', type: 'optional', about: 'measurements per minute' },
  error_ratio: {
    unit: '%',
    type: 'required',
    isShare: true,
    about: 'share of failed measurements',
  },
  slow_share: {
    unit: '%',
    type: 'required',
    parameter: 'slowerThan',
    isShare: true,
    about: 'share of measurements longer than `slowerThan`',
  },
  apdex: {
    unit: '1',
    type: 'required',
    parameter: 'slowerThan',
    isShare: true,
    about: 'Apdex with `slowerThan` as the target time',
  },
  spike: {
    unit: '1',
    type: 'required',
    parameter: 'baseline',
    about: 'mean of the window divided by the mean of `baseline` [1d]',
  },
  surge: {
    unit: '1',
    type: 'required',
    parameter: 'baseline',
    about: 'measurements per minute divided by the highest usual rate in `baseline` [1h]',
  },
  anomaly: {
    unit: '1',
    type: 'optional',
    parameter: 'of',
    about: 'distance of the aggregate `of` from its normal values, in robust standard deviations',
  },
  crashes: { unit: '1', type: 'none', about: 'number of processes that crashed soon after start' },
  uptime: { unit: '%', type: 'none', about: 'share of the time in which the service ran' },
  depth: { unit: '1', type: 'none', about: 'number of jobs waiting in the queue' },
  oldest_age: { unit: 'ms', type: 'none', about: 'waiting time of the oldest job' },
  failure_rate: {
    unit: '%',
    type: 'none',
    isShare: true,
    about: 'share of finished jobs that failed',
  },
  time_to_drain: {
    unit: 'ms',
    type: 'none',
    about: 'time until the queue is empty at the current rate; ∞ if it grows',
  },
} as const satisfies Readonly<Record<string, AggregateDefinition>>;
export type Aggregate = keyof typeof AGGREGATES;

/** Returns the definition of an aggregate, with optional keys. */
export function getAggregate(name: Aggregate): AggregateDefinition {
  return AGGREGATES[name];
}

/** Default length of the baseline in ms, for aggregates with a baseline. */
export const DEFAULT_BASELINES_MS: Readonly<Partial<Record<Aggregate, number>>> = {
  spike: DAY_MS,
  surge: HOUR_MS,
};

/** Stored units of the metric types. Measurements of the type CUSTOM have any unit. */
const TYPE_UNITS: Readonly<Partial<Record<PerformanceMetricType, string>>> = {
  API_RESPONSE_TIME: 'ms',
  API_STREAM_DURATION: 'ms',
  OUTGOING_REQUEST_TIME: 'ms',
  DATABASE_QUERY_TIME: 'ms',
  DATABASE_CONNECTIONS: '1',
  QUEUE_WAIT_TIME: 'ms',
  QUEUE_PROCESSING_TIME: 'ms',
  QUEUE_DEPTH: '1',
  QUEUE_OLDEST_AGE: 'ms',
  CPU_USAGE: '%',
  MEMORY_USAGE: '%',
  DISK_USAGE: '%',
  NETWORK_IO: 'By',
  EVENT_LOOP_DELAY: 'ms',
  GC_DURATION: 'ms',
  HEAP_USAGE: 'By',
  ACTIVE_USERS: '1',
  ONGOING_RESERVATIONS: '1',
  BREAKER_STATE: '1',
};

/** Returns the unit of a measure's values (UCUM), or `undefined` if it is unknown. */
export function getMeasureUnit({
  aggregate,
  type,
}: {
  readonly aggregate: Aggregate;
  readonly type: PerformanceMetricType | undefined;
}): string | undefined {
  const { unit } = getAggregate(aggregate);
  if (unit !== 'type') return unit;
  return type && TYPE_UNITS[type];
}

/** Aggregates of queues. */
export const QUEUE_AGGREGATES: ReadonlySet<Aggregate> = new Set([
  'depth',
  'oldest_age',
  'failure_rate',
  'time_to_drain',
]);

/** The rows that an aggregate reads, and their dimensions. */
interface RowSource {
  /** Name for error messages. */
  readonly name: string;
  readonly groupBy: readonly Dimension[];
  readonly filter: readonly Dimension[];
}

const MEASUREMENT_ROWS: RowSource = {
  name: 'measurements',
  groupBy: DIMENSIONS,
  filter: [...DIMENSIONS, 'name'],
};
const QUEUE_ROWS: RowSource = {
  name: 'queues',
  groupBy: DIMENSIONS.filter((name) => name !== 'endpoint' && name !== 'operation'),
  filter: DIMENSIONS,
};
/** Health rows describe a process. They have no tenant, endpoint, or queue. */
const HEALTH_DIMENSIONS = ['service', 'version', 'environment', 'instance', 'host'] as const;
export const HEALTH_ROWS: RowSource = {
  name: 'health rows',
  groupBy: HEALTH_DIMENSIONS,
  filter: HEALTH_DIMENSIONS,
};

export function getRowSource(aggregate: Aggregate): RowSource {
  if (aggregate === 'uptime' || aggregate === 'crashes') return HEALTH_ROWS;
  return QUEUE_AGGREGATES.has(aggregate) ? QUEUE_ROWS : MEASUREMENT_ROWS;
}

/** Metrics about Perfscope itself, with their labels. */
export const INTERNAL_METRICS = {
  spool_bytes: { labels: ['service', 'instance'], about: 'bytes of rows waiting to be written' },
  spool_lag: {
    labels: ['service', 'instance'],
    about: 'age of the oldest row waiting to be written, in ms',
  },
  dead_letters: {
    labels: ['service', 'instance'],
    about: 'rows that QuestDB rejected and that were set aside',
  },
  rows_dropped: { labels: ['service', 'instance'], about: 'rows dropped in the last 5 minutes' },
  questdb_suspended_tables: { labels: ['table'], about: '1 if QuestDB suspended the table' },
  questdb_invalid_rollups: {
    labels: ['table'],
    about: '1 if QuestDB no longer updates the roll-up',
  },
  questdb_lag: { labels: ['table'], about: 'time until new rows are readable, in ms' },
  database_unavailable: { labels: [], about: '1 if QuestDB is unreachable' },
  rule_failures: { labels: ['failed_rule'], about: 'failed evaluations of the rule in a row' },
  late_evaluations: {
    labels: [],
    about: 'late rule evaluations in the last 5 minutes',
  },
} as const satisfies Readonly<
  Record<string, { readonly labels: readonly string[]; readonly about: string }>
>;
export type InternalMetric = keyof typeof INTERNAL_METRICS;
