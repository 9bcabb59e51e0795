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
    meaning: 'Time that jobs waited, without their delay.',
  },
  QUEUE_PROCESSING_TIME: {
    ...{ kind: 'histogram', unit: 'ms', ...JOB },
    meaning: 'Processing time of jobs and messages.',
  },
  QUEUE_DEPTH: {
    ...{ kind: 'gauge', unit: '`{job}`', endpoint: 'queue' },
    operation: 'state of the jobs, such as `waiting` or `paused`',
    meaning: 'Number of jobs in a queue. Each process with the queue reports it.',
  },
  QUEUE_OLDEST_AGE: {
    ...{ kind: 'gauge', unit: 'ms', endpoint: 'queue' },
    meaning: 'Age of the oldest waiting job. 0 if no job waits.',
  },
  CPU_USAGE: { ...SHARE, meaning: "CPU usage of the host, or of the container's limit." },
  MEMORY_USAGE: { ...SHARE, meaning: "Memory usage of the host, or of the container's limit." },
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
    meaning: 'Used heap, or its limit, by `name`.',
  },
  ACTIVE_USERS: { ...BUSINESS_VALUE, meaning: 'Active users, as the application reports them.' },
  ONGOING_RESERVATIONS: {
    ...BUSINESS_VALUE,
    meaning: 'Ongoing reservations, as the application reports them.',
  },
  BREAKER_STATE: {
    ...{ kind: 'gauge', unit: '`1`', endpoint: 'circuit breaker' },
    meaning: 'State of a circuit breaker: 0 closed, 1 half-open, 2 open.',
  },
  CUSTOM: {
    ...{ kind: 'any', unit: 'any', endpoint: 'depends on the metric' },
    operation: 'depends on the metric',
    meaning: 'All other metrics, and samples of requests.',
  },
};
