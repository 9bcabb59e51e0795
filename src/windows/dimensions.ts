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

const SHARED = {
  service: 'service',
  version: 'service_version',
  environment: 'environment',
  instance: 'instance',
  organization: 'organization_id',
  property: 'property_id',
} as const;

/** Columns of the dimensions in `performance_metrics` and `metric_buckets`. A queue's name is an endpoint there. */
export const METRIC_COLUMNS: Readonly<Record<Dimension, string>> = {
  ...SHARED,
  endpoint: 'endpoint',
  operation: 'operation',
  queue: 'endpoint',
};

/** The same in `queue_metrics`, where the kind of job is the operation. */
export const JOB_COLUMNS: Readonly<Record<Dimension, string>> = {
  ...SHARED,
  endpoint: 'queue_name',
  operation: 'job_type',
  queue: 'queue_name',
};
