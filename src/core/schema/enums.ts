/** The type of a row in `performance_metrics`. The names are stored in the database. */
export const PerformanceMetricType = {
  API_RESPONSE_TIME: 'API_RESPONSE_TIME',
  API_STREAM_DURATION: 'API_STREAM_DURATION',
  OUTGOING_REQUEST_TIME: 'OUTGOING_REQUEST_TIME',
  DATABASE_QUERY_TIME: 'DATABASE_QUERY_TIME',
  DATABASE_CONNECTIONS: 'DATABASE_CONNECTIONS',
  QUEUE_WAIT_TIME: 'QUEUE_WAIT_TIME',
  QUEUE_PROCESSING_TIME: 'QUEUE_PROCESSING_TIME',
  QUEUE_DEPTH: 'QUEUE_DEPTH',
  QUEUE_OLDEST_AGE: 'QUEUE_OLDEST_AGE',
  CPU_USAGE: 'CPU_USAGE',
  MEMORY_USAGE: 'MEMORY_USAGE',
  DISK_USAGE: 'DISK_USAGE',
  NETWORK_IO: 'NETWORK_IO',
  EVENT_LOOP_DELAY: 'EVENT_LOOP_DELAY',
  GC_DURATION: 'GC_DURATION',
  HEAP_USAGE: 'HEAP_USAGE',
  ACTIVE_USERS: 'ACTIVE_USERS',
  ONGOING_RESERVATIONS: 'ONGOING_RESERVATIONS',
  BREAKER_STATE: 'BREAKER_STATE',
  CUSTOM: 'CUSTOM',
} as const;
export type PerformanceMetricType =
  (typeof PerformanceMetricType)[keyof typeof PerformanceMetricType];

/** The states of a job, as in BullMQ (https://docs.bullmq.io/guide/architecture). */
export const QueueJobStatus = {
  WAITING: 'waiting',
  ACTIVE: 'active',
  COMPLETED: 'completed',
  FAILED: 'failed',
  DELAYED: 'delayed',
  PRIORITIZED: 'prioritized',
  WAITING_CHILDREN: 'waiting-children',
  STALLED: 'stalled',
} as const;
export type QueueJobStatus = (typeof QueueJobStatus)[keyof typeof QueueJobStatus];

/** The severity of an alert. */
export const AlertSeverity = {
  WARNING: 'warning',
  MEDIUM: 'medium',
  HIGH: 'high',
  CRITICAL: 'critical',
} as const;
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
