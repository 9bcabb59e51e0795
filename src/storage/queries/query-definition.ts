import type { TenantScope } from '../../core/tenant-scope.ts';
import type { Step } from './time-buckets.ts';
import type { TimeRange } from './time-range.ts';

/** Dimensions of rules, to filter and group by. */
export const DIMENSIONS = [
  'service',
  'version',
  'environment',
  'instance',
  'organization',
  'property',
  'endpoint',
  'operation',
  'errorType',
  'queue',
  'queueScope',
  'host',
] as const;
/** Dimensions to filter and group by. Only metrics have a name. */
export type Dimension = (typeof DIMENSIONS)[number] | 'name';

/** The value of each dimension in one group; `undefined` if the rows have no value. */
export type Group = Readonly<Partial<Record<Dimension, string | undefined>>>;
/** Allowed values by dimension. */
export type Filter = Readonly<Partial<Record<Dimension, readonly string[]>>>;

const COMMON_COLUMNS = {
  service: 'service',
  version: 'service_version',
  environment: 'environment',
  instance: 'instance',
  organization: 'organization_id',
  property: 'property_id',
} as const;

/** Columns of `metric_buckets`, where the queue name is in `endpoint`. */
export const BUCKET_COLUMNS = {
  ...COMMON_COLUMNS,
  endpoint: 'endpoint',
  operation: 'operation',
  name: 'name',
  queue: 'endpoint',
  queueScope: 'queue_scope',
} as const satisfies Partial<Record<Dimension, string>>;

/** Columns of `performance_metrics`. Only rows about a host have a host, and only failures can have an error type. */
export const METRIC_COLUMNS = {
  ...BUCKET_COLUMNS,
  errorType: 'error_type',
  host: 'host',
} as const satisfies Partial<Record<Dimension, string>>;

/** Columns of `queue_metrics`, where the job type is the operation. */
export const JOB_COLUMNS = {
  ...COMMON_COLUMNS,
  endpoint: 'queue_name',
  operation: 'job_type',
  queue: 'queue_name',
  queueScope: 'queue_scope',
} as const satisfies Partial<Record<Dimension, string>>;

/** Columns of `system_health`. */
export const HOST_COLUMNS = {
  service: 'service',
  version: 'service_version',
  environment: 'environment',
  instance: 'instance',
  host: 'host',
} as const satisfies Partial<Record<Dimension, string>>;

/** Selects rows by scope, time, and filter, and defines how to group them. */
export interface Query {
  readonly scope: TenantScope;
  readonly range: TimeRange;
  readonly filter?: Filter | undefined;
  /** Default: no grouping. */
  readonly groupBy?: readonly Dimension[] | undefined;
  /** Default: no time buckets. */
  readonly step?: Step | undefined;
  /** Interval in ms in which processes report their health. Default: one minute. */
  readonly reportIntervalMs?: number | undefined;
  /** Include test data. Default: `false`. */
  readonly includeTest?: boolean | undefined;
}

/** Returns a map key for a group and time bucket. */
export function toGroupKey(group: object, bucket?: TimeRange): string {
  return JSON.stringify([group, bucket?.fromMs]);
}
