/**
 * The type of a row in `performance_metrics`. The names are stored in the database.
 *
 * @enum
 */
export const PerformanceMetricType = {
  /** Duration of a request, in ms. */
  API_RESPONSE_TIME: 'API_RESPONSE_TIME',
  /** Time that a long-lived response was open, in ms. */
  API_STREAM_DURATION: 'API_STREAM_DURATION',
  /** Duration of an outgoing HTTP call, in ms. */
  OUTGOING_REQUEST_TIME: 'OUTGOING_REQUEST_TIME',
  /** Duration of a database statement or command, in ms. */
  DATABASE_QUERY_TIME: 'DATABASE_QUERY_TIME',
  /** Number of connections in a pool. */
  DATABASE_CONNECTIONS: 'DATABASE_CONNECTIONS',
  /** Time that a job waited in its queue, in ms. */
  QUEUE_WAIT_TIME: 'QUEUE_WAIT_TIME',
  /** Processing time of a job, in ms. */
  QUEUE_PROCESSING_TIME: 'QUEUE_PROCESSING_TIME',
  /** Number of jobs in a queue. */
  QUEUE_DEPTH: 'QUEUE_DEPTH',
  /** Waiting time of the oldest job in a queue, in ms. */
  QUEUE_OLDEST_AGE: 'QUEUE_OLDEST_AGE',
  /** CPU usage, in percent. */
  CPU_USAGE: 'CPU_USAGE',
  /** Memory usage, in percent. */
  MEMORY_USAGE: 'MEMORY_USAGE',
  /** Disk usage, in percent. */
  DISK_USAGE: 'DISK_USAGE',
  /** Network traffic, in bytes. */
  NETWORK_IO: 'NETWORK_IO',
  /** Delay of the event loop, in ms. */
  EVENT_LOOP_DELAY: 'EVENT_LOOP_DELAY',
  /** Duration of a garbage collection, in ms. */
  GC_DURATION: 'GC_DURATION',
  /** Memory in the JavaScript heap, in bytes. */
  HEAP_USAGE: 'HEAP_USAGE',
  /** Number of active users. */
  ACTIVE_USERS: 'ACTIVE_USERS',
  /** Number of ongoing reservations. */
  ONGOING_RESERVATIONS: 'ONGOING_RESERVATIONS',
  /** State of a circuit breaker: 0 closed, 1 half-open, 2 open. */
  BREAKER_STATE: 'BREAKER_STATE',
  /** Any other metric of the application. */
  CUSTOM: 'CUSTOM',
} as const;
/** A value of `PerformanceMetricType`. */
export type PerformanceMetricType =
  (typeof PerformanceMetricType)[keyof typeof PerformanceMetricType];

/**
 * The states of a job or message, for all queue libraries. The names come from BullMQ
 * (https://docs.bullmq.io/guide/architecture). Only BullMQ and Bull have prioritized jobs and child jobs.
 *
 * @enum
 */
export const QueueJobStatus = {
  /** The job is ready to run. */
  WAITING: 'waiting',
  /** A worker processes the job. */
  ACTIVE: 'active',
  /** The job succeeded. */
  COMPLETED: 'completed',
  /** An attempt of the job failed. */
  FAILED: 'failed',
  /** The job runs later. */
  DELAYED: 'delayed',
  /** The job is ready to run, and has a priority. */
  PRIORITIZED: 'prioritized',
  /** The job waits for its child jobs. */
  WAITING_CHILDREN: 'waiting-children',
  /** The worker of the job stopped responding. */
  STALLED: 'stalled',
} as const;
/** A value of `QueueJobStatus`. */
export type QueueJobStatus = (typeof QueueJobStatus)[keyof typeof QueueJobStatus];

/**
 * The severity of an alert.
 *
 * @enum
 */
export const AlertSeverity = {
  /** The lowest severity. */
  WARNING: 'warning',
  /** More severe than `warning`. */
  MEDIUM: 'medium',
  /** More severe than `medium`. */
  HIGH: 'high',
  /** The highest severity. */
  CRITICAL: 'critical',
} as const;
/** A value of `AlertSeverity`. */
export type AlertSeverity = (typeof AlertSeverity)[keyof typeof AlertSeverity];

/** All severities, from lowest to highest. */
export const ALERT_SEVERITIES = [
  AlertSeverity.WARNING,
  AlertSeverity.MEDIUM,
  AlertSeverity.HIGH,
  AlertSeverity.CRITICAL,
] as const;

/** Returns the position of a severity, from 0 for the lowest. */
export function getSeverityRank(severity: AlertSeverity): number {
  return ALERT_SEVERITIES.indexOf(severity);
}

export function isAlertSeverity(text: unknown): text is AlertSeverity {
  return (ALERT_SEVERITIES as readonly unknown[]).includes(text);
}

/** Returns the highest severity, or undefined if the list is empty. */
export function getHighestSeverity(
  severities: readonly AlertSeverity[],
): AlertSeverity | undefined {
  return severities.toSorted((a, b) => getSeverityRank(b) - getSeverityRank(a))[0];
}
