import type { TenantScope } from '../../core/tenant-scope.ts';
import type { TimeRange } from './query-range.ts';
import type { Step } from './query-step.ts';

/** What figures can be filtered and grouped by. */
export const DIMENSIONS = [
  'service',
  'version',
  'environment',
  'instance',
  'organization',
  'property',
  'endpoint',
  'operation',
  'queue',
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Names of one group, by dimension; undefined where the rows name none. */
export type Group = Readonly<Partial<Record<Dimension, string | undefined>>>;
/** Only rows with one of the named values. */
export type Filter = Readonly<Partial<Record<Dimension, readonly string[]>>>;

const COMMON_COLUMNS = {
  service: 'service',
  version: 'service_version',
  environment: 'environment',
  instance: 'instance',
  organization: 'organization_id',
  property: 'property_id',
} as const;

/** Columns of the dimensions in `performance_metrics` and `metric_buckets`. A queue's name is an endpoint there. */
export const METRIC_COLUMNS: Readonly<Record<Dimension, string>> = {
  ...COMMON_COLUMNS,
  endpoint: 'endpoint',
  operation: 'operation',
  queue: 'endpoint',
};

/** The same in `queue_metrics`, where the kind of job is the operation. */
export const JOB_COLUMNS: Readonly<Record<Dimension, string>> = {
  ...COMMON_COLUMNS,
  endpoint: 'queue_name',
  operation: 'job_type',
  queue: 'queue_name',
};

/** Whose rows, of which time, in which groups. */
export interface Query {
  readonly scope: TenantScope;
  readonly range: TimeRange;
  readonly filter?: Filter | undefined;
  /** Default: everything together. */
  readonly groupBy?: readonly Dimension[] | undefined;
  /** Default: the whole range together. */
  readonly step?: Step | undefined;
  /** Count rows of tests as well. */
  readonly includeTest?: boolean | undefined;
}

/** The groups, and the bucket of time, that a figure is of. */
export function toGroupKey(group: object, span?: TimeRange): string {
  return JSON.stringify([group, span?.fromMs]);
}
