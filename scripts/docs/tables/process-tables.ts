import { QueueJobStatus } from '../../../src/core/schema/enums.ts';
import { ERROR_KINDS, ERROR_LEVELS } from '../../../src/core/schema/tables/error-logs-table.ts';
import {
  HEALTH_STATUSES,
  STOPPED_STATUS,
} from '../../../src/core/schema/tables/system-health-table.ts';
import {
  RESOURCE_DESCRIPTIONS,
  type TableDescriptions,
  TENANT_DESCRIPTIONS,
} from './table-description.ts';

/** Describes the tables of jobs, health, and errors. */
export const PROCESS_TABLES: TableDescriptions<'queue_metrics' | 'system_health' | 'error_logs'> = {
  queue_metrics: {
    row: [
      'A row is one state change of one job.',
      'The agent writes a row for each state change of a job in a measured queue library, and for each call of `recordQueueMetric`.',
      'Therefore, `count()` is the number of state changes.',
      'A failed attempt that is retried has a row with the status `waiting` or `delayed`.',
      'Only the last failed attempt has the status `failed`.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the state change.' },
      queueName: { meaning: 'Name of the queue.' },
      queueScope: {
        meaning:
          'Server of the queue, such as `<prefix>@<host>:<port>/<db>` for Redis, or `<schema>@<host>:<port>/<database>` for pg-boss. Queues with different scopes can have the same name.',
      },
      jobType: { meaning: 'Name of the job.' },
      status: {
        meaning: 'New state of the job, the same for all queue libraries.',
        values: Object.values(QueueJobStatus),
      },
      ...TENANT_DESCRIPTIONS,
      ...RESOURCE_DESCRIPTIONS,
      id: { meaning: 'Unique ID of the row. Empty in overwritten rows.' },
      jobId: { meaning: 'ID of the job in its queue.' },
      createdAt: { meaning: 'When the job was added.' },
      startedAt: { meaning: 'When the attempt started.' },
      completedAt: { meaning: 'When the job was completed.' },
      failedAt: { meaning: 'When the last attempt failed.' },
      duration: { unit: 'ms', meaning: 'Processing time of the attempt that ended.' },
      waitTime: {
        unit: 'ms',
        meaning: "Wait time before the attempt, excluding the job's configured delay.",
      },
      attempts: { meaning: 'Number of attempts until this state change.' },
      maxAttempts: { meaning: 'Maximum number of attempts.' },
      priority: { meaning: 'Priority of the job.' },
      delay: { unit: 'ms', meaning: 'Configured delay of the job.' },
      errorMessage: { meaning: 'Redacted message of the error that ended the attempt.' },
      stackTrace: { meaning: 'Redacted stack trace of the error that ended the attempt.' },
      data: {
        meaning:
          'Data of the job, as JSON. For jobs of queue libraries, it is set only with `PERFORMANCE_JOB_DATA=true`.',
      },
      result: {
        meaning:
          'Result of the job, as JSON. For jobs of queue libraries, it is set only with `PERFORMANCE_JOB_DATA=true`.',
      },
      seq: {
        meaning:
          'Sequence number of the row in its process. Sorts rows of a process with the same timestamp.',
      },
      test: { meaning: 'Whether the row is a test measurement. All metrics exclude these rows.' },
    },
  },
  system_health: {
    row: [
      'A row is one health snapshot of one process and its host.',
      'The agent writes a row once per `SYSTEM_HEALTH_INTERVAL` (60 s by default).',
      'The OTLP endpoint writes a row for each export that it receives from other senders.',
      'A process that ends normally writes a last row with the status `stopped` and no measurements.',
      'These rows do not belong to a tenant.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the snapshot.' },
      status: {
        meaning:
          'Worst status of CPU, memory, disk, response time, and error rate. `stopped` for the last row of a process.',
        values: [...HEALTH_STATUSES, STOPPED_STATUS],
      },
      host: { meaning: 'Name of the host, the container, or the pod.' },
      ...RESOURCE_DESCRIPTIONS,
      id: { meaning: 'ID of the row.' },
      avgResponseTime: {
        unit: 'ms',
        meaning:
          'Mean duration of the requests since the previous row. Empty if there were no requests.',
      },
      errorRate: {
        unit: '%',
        meaning:
          'Percentage of failed requests since the previous row. Empty if there were no requests.',
      },
      uptime: { unit: 's', meaning: 'Time since the start of the process.' },
      dbConnections: {
        meaning: 'Open connections of all pools, or the value of the gauge `dbConnections`.',
      },
      dbQueryTime: {
        unit: 'ms',
        meaning: 'Mean duration of the database statements since the previous row.',
      },
      memoryUsage: {
        unit: '%',
        meaning:
          "Used memory, as a percentage of the container's limit. Without a limit, as a percentage of the host's memory.",
      },
      cpuUsage: {
        unit: '%',
        meaning:
          "Used CPU time, as a percentage of the container's limit. Without a limit, as a percentage of the host's CPU time.",
      },
      hostMemoryUsage: {
        unit: '%',
        meaning: "Percentage of the host's memory that is not available.",
      },
      hostCpuUsage: { unit: '%', meaning: "Used percentage of the host's CPU time." },
      processMemory: { unit: 'bytes', meaning: 'Resident set size of the process.' },
      processCpuUsage: {
        unit: '%',
        meaning: 'CPU time of the process, as a percentage of the CPUs that it can use.',
      },
      eventLoopUtilization: {
        unit: '%',
        meaning: 'Percentage of time that the event loop was active.',
      },
      diskUsage: { unit: '%', meaning: 'Used percentage of the root file system.' },
      eventLoopDelayP99: { unit: 'ms', meaning: '99th percentile of the event loop delay.' },
      load: { meaning: 'One-minute load average of the host.' },
      activeUsers: { meaning: 'Value of the gauge `activeUsers` from `registerGauge`.' },
      ongoingReservations: {
        meaning: 'Value of the gauge `ongoingReservations` from `registerGauge`.',
      },
      createdAt: { meaning: 'Same as `timestamp`.' },
    },
  },
  error_logs: {
    row: [
      'A row is one error, or the last of `count` identical errors.',
      'The agent stores the first occurrence immediately, and the repetitions within 10 s as one row.',
      'Therefore, `sum(count)` is the number of errors.',
      'The OTLP endpoint writes the errors of spans.',
      'The server writes one row for each critical alert.',
      'If a process exceeds its limits for errors, further errors are grouped into rows with the fingerprint, kind, and type `others`.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the error, or of the last repetition.' },
      fingerprint: {
        meaning:
          'Hash of the service, type, message without numbers and IDs, and innermost stack frames. Occurrences of one error have the same fingerprint.',
      },
      level: {
        meaning: '`fatal` if the error ended the process.',
        values: ERROR_LEVELS,
      },
      kind: { meaning: 'Source of the error.', values: ERROR_KINDS },
      errorType: {
        meaning:
          'Name of the error class, such as `TypeError`. For a response without an error, the status, such as `HTTP 503`. For an alert, the name of its rule.',
      },
      ...TENANT_DESCRIPTIONS,
      ...RESOURCE_DESCRIPTIONS,
      id: { meaning: 'ID of the row.' },
      count: { meaning: 'Number of identical errors.' },
      message: { meaning: 'Message of the error. Secrets and personal data are redacted.' },
      stackTrace: { meaning: 'Stack trace of the error, redacted.' },
      alertId: { meaning: 'ID of the alert. Only for the kind `alert`.' },
      endpoint: {
        meaning:
          'Route of the request, or queue of the job. `CONNECT` for failed connections to a database.',
      },
      context: {
        meaning:
          'JSON object with other values, such as `method`, `status`, and `trace_id` of a request.',
      },
      userId: { meaning: 'User of the request.' },
    },
  },
};
