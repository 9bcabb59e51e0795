import type { PerformanceMetricType } from '../../core/schema/enums.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import {
  type Dimension,
  type Filter,
  type Group,
  toGroupKey,
} from '../../storage/queries/query-definition.ts';
import type { ValueKind } from './model/value-scale.ts';

/** Aggregates for which a band of normal values can be learned. */
export const BAND_AGGREGATES = [
  'mean',
  'last',
  'p50',
  'p90',
  'p95',
  'p99',
  'count',
  'rate',
  'error_ratio',
  'depth',
] as const;
export type BandAggregate = (typeof BAND_AGGREGATES)[number];

/** The series for which bands are learned: one for each group. */
export interface BandMeasure {
  /** `QUEUE_DEPTH` for `depth`. */
  readonly type: PerformanceMetricType;
  readonly aggregate: BandAggregate;
  /** Rows must have one of these values in each dimension. */
  readonly filter: Filter;
  readonly groupBy: readonly Dimension[];
  readonly scope: TenantScope;
}

const PERCENTILE_SHARES: Readonly<Partial<Record<BandAggregate, number>>> = {
  p50: 0.5,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
};

/** Returns the share of a percentile, from 0 to 1, or `undefined` for other aggregates. */
export function getPercentileShare(aggregate: BandAggregate): number | undefined {
  return PERCENTILE_SHARES[aggregate];
}

/** Types whose values vary in proportion: durations, and jobs that wait. */
const PROPORTIONAL_TYPES: ReadonlySet<PerformanceMetricType> = new Set([
  'API_RESPONSE_TIME',
  'API_STREAM_DURATION',
  'OUTGOING_REQUEST_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_WAIT_TIME',
  'QUEUE_PROCESSING_TIME',
  'QUEUE_DEPTH',
  'QUEUE_OLDEST_AGE',
  'EVENT_LOOP_DELAY',
  'GC_DURATION',
  'NETWORK_IO',
  'ACTIVE_USERS',
  'ONGOING_RESERVATIONS',
] satisfies PerformanceMetricType[]);

/** Returns how the values of a measure vary. */
export function getValueKind({
  type,
  aggregate,
}: Pick<BandMeasure, 'type' | 'aggregate'>): ValueKind {
  if (aggregate === 'error_ratio') return 'share';
  if (isRate(aggregate)) return 'count';
  return PROPORTIONAL_TYPES.has(type) ? 'proportional' : 'linear';
}

/** Returns whether the values are numbers of measurements. Without rows, they are 0. */
export function isRate(aggregate: BandAggregate): boolean {
  return aggregate === 'count' || aggregate === 'rate';
}

/** Returns a key that is equal for measures with the same series. Counts and rates share a band. */
export function toMeasureKey({ type, aggregate, filter, groupBy, scope }: BandMeasure): string {
  const sorted = Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1));
  const { organizations, properties } = scope;
  const of = isRate(aggregate) ? 'rate' : aggregate;
  return JSON.stringify([type, of, sorted, groupBy, organizations, properties]);
}

/** Returns the key of a group. The dimensions are always in the order of `groupBy`. */
export function toSeriesKey(groupBy: readonly Dimension[], group: Group): string {
  return toGroupKey(Object.fromEntries(groupBy.map((name) => [name, group[name]])));
}
