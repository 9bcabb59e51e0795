import type { PerformanceMetricType } from '../../../src/core/schema/enums.ts';

/** How the metrics of a type are stored. */
export interface MetricTypeDescription {
  readonly meaning: string;
  /** Kind of the points that the agent writes. */
  readonly kind: 'histogram' | 'gauge' | 'counter' | 'any';
  readonly unit: string;
  /** Content of the column `endpoint`. Default: empty. */
  readonly endpoint?: string;
  /** Content of the column `operation`. Default: empty. */
  readonly operation?: string;
}

const ROUTE = { endpoint: 'route, such as `/rooms/:id`', operation: 'HTTP method' };
const JOB = { endpoint: 'queue', operation: 'job type' };
const SHARE = { kind: 'gauge', unit: '%' } as const;
const BUSINESS_VALUE = { kind: 'gauge', unit: '`1`' } as const;

/** Describes each type of `performance_metrics` and `metric_buckets`. */
export const METRIC_TYPES: Readonly<Record<PerformanceMetricType, MetricTypeDescription>> = {
  API_RESPONSE_TIME: {
    ...{ kind: 'histogram', unit: 'ms', ...ROUTE },
    meaning: 'Requests that the service handled.',
  },
  API_STREAM_DURATION: {
    ...{ kind: 'histogram', unit: 'ms', ...ROUTE },
    meaning: 'Long-lived responses, such as server-sent events.',
  },
  OUTGOING_REQUEST_TIME: {
    ...{ kind: 'histogram', unit: 'ms', endpoint: 'host, with the port if it is not the default' },
    operation: 'HTTP method, with the URL template if it is known',
    meaning: 'Calls to other hosts.',
  },
  DATABASE_QUERY_TIME: {
    ...{ kind: 'histogram', unit: 'ms', endpoint: 'statement without its values' },
    operation: 'such as `SELECT` or `GET`; `CONNECT` for a failed connection',
    meaning: 'Database statements, and failed attempts to connect.',
  },
  DATABASE_CONNECTIONS: {
    ...{ kind: 'gauge', unit: '`{connection}`', endpoint: 'pool' },
    operation: '`used` or `idle`',
    meaning: 'Open connections of a pool.',
  },
  QUEUE_WAIT_TIME: {
    ...{ kind: 'histogram', unit: 'ms', ...JOB },
    meaning: 'Time that jobs waited, excluding their configured delay.',
  },
  QUEUE_PROCESSING_TIME: {
    ...{ kind: 'histogram', unit: 'ms', ...JOB },
    meaning: 'Processing time of jobs and messages.',
  },
  QUEUE_DEPTH: {
    ...{ kind: 'gauge', unit: '`{job}`', endpoint: 'queue' },
    operation: 'state of the jobs, such as `waiting` or `paused`',
    meaning: 'Number of jobs in a queue. Each process that uses the queue reports this number.',
  },
  QUEUE_OLDEST_AGE: {
    ...{ kind: 'gauge', unit: 'ms', endpoint: 'queue' },
    meaning: 'Age of the oldest waiting job. 0 if no job is waiting.',
  },
  CPU_USAGE: {
    ...SHARE,
    meaning: "CPU usage, as a percentage of the container's limit or of the host.",
  },
  MEMORY_USAGE: {
    ...SHARE,
    meaning: "Memory usage, as a percentage of the container's limit or of the host.",
  },
  DISK_USAGE: { ...SHARE, meaning: 'Used space of a file system.' },
  NETWORK_IO: {
    ...{ kind: 'counter', unit: '`By` (bytes)' },
    meaning: 'Network traffic. The direction is in `tags`.',
  },
  EVENT_LOOP_DELAY: {
    ...{ kind: 'gauge', unit: 'ms' },
    meaning: 'Event loop delay. `name` ends with `mean`, `p50`, `p99`, or `max`.',
  },
  GC_DURATION: { kind: 'histogram', unit: 'ms', meaning: 'Duration of garbage collections.' },
  HEAP_USAGE: {
    ...{ kind: 'gauge', unit: '`By` (bytes)' },
    meaning: 'Used heap memory, or its limit, depending on `name`.',
  },
  ACTIVE_USERS: {
    ...BUSINESS_VALUE,
    meaning: 'Number of active users that the application reports.',
  },
  ONGOING_RESERVATIONS: {
    ...BUSINESS_VALUE,
    meaning: 'Number of ongoing reservations that the application reports.',
  },
  BREAKER_STATE: {
    ...{ kind: 'gauge', unit: '`1`', endpoint: 'circuit breaker' },
    meaning: 'State of a circuit breaker: 0 is closed, 1 is half-open, and 2 is open.',
  },
  CUSTOM: {
    ...{ kind: 'any', unit: 'any', endpoint: 'depends on the metric' },
    operation: 'depends on the metric',
    meaning: 'All other metrics, and request samples.',
  },
};
