import { toSnakeCase } from '../../src/core/schema/table-definition.ts';
import { queueMetricsTable } from '../../src/core/schema/tables/queue-metrics-table.ts';
import { systemHealthTable } from '../../src/core/schema/tables/system-health-table.ts';
import { QUEUE_COUNT, SERVICE_COUNT } from './metric-series.ts';

/** `count` consecutive steps of `everyMs` ms each. `at` is the index of the first step since the epoch. */
export interface Steps {
  readonly at: number;
  readonly count: number;
  readonly everyMs: number;
}

/** Returns a subquery with one row per step: its index since the epoch (`step`) and its start (`ts`). */
export function toStepsSql({ at, count, everyMs }: Steps): string {
  return `(SELECT ${at} + x - 1 step, ((${at} + x - 1) * ${everyMs * 1000})::timestamp ts
    FROM long_sequence(${count}))`;
}

/** Inserts three jobs per queue and step. They wait 1 s and run for several seconds, and 1 of 50 fails. */
export function toJobsSql(steps: Steps): string {
  const addSeconds = (seconds: string) => `(ts::long + ${seconds} * 1000000)::timestamp`;
  const isFailed = '(job % 50 = 0)';
  const columns: Record<string, string> = {
    timestamp: addSeconds('second'),
    queueName: "'queue-' || queue",
    jobType: "'send'",
    status: `CASE state WHEN 0 THEN 'waiting' WHEN 1 THEN 'active' ELSE CASE WHEN ${isFailed} THEN 'failed' ELSE 'completed' END END`,
    organizationId: "'organization-' || (job % 20)",
    propertyId: "'property-' || (job % 20) || '-0'",
    service: "'service-' || queue",
    serviceVersion: "'1.4.2'",
    environment: "'production'",
    instance: "'service-' || queue || '-host1'",
    id: "'job-' || queue || '-' || job || '-' || state",
    jobId: 'job::string',
    createdAt: 'ts',
    duration: 'CASE WHEN state = 2 THEN 1000.0 * (second - 1) ELSE null END',
    waitTime: 'CASE WHEN state = 2 THEN 1000.0 ELSE null END',
    attempts: '1L',
    seq: 'state',
    test: 'false',
  };
  return `INSERT INTO ${queueMetricsTable.name} (${Object.keys(columns).map(toSnakeCase).join(', ')})
    SELECT ${Object.values(columns).join(', ')} FROM (
      SELECT ts, queue, state, step * 3 + number job,
        CASE state WHEN 2 THEN 2 + (step + number) % 5 ELSE state END + 3 * number second
      FROM ${toStepsSql(steps)}
      CROSS JOIN (SELECT x - 1 queue FROM long_sequence(${QUEUE_COUNT}))
      CROSS JOIN (SELECT x - 1 number FROM long_sequence(3))
      CROSS JOIN (SELECT x - 1 state FROM long_sequence(3)))`;
}

/** Inserts one health row per service and step. */
export function toHealthSql(steps: Steps): string {
  const wave = (service: number) => `(abs(step * 7919 + service * ${service}) % 100)`;
  const columns: Record<string, string> = {
    timestamp: 'ts',
    status: "'healthy'",
    service: "'service-' || service",
    serviceVersion: "'1.4.2'",
    environment: "'production'",
    instance: "'service-' || service || '-host1'",
    id: "'health-' || service || '-' || step",
    avgResponseTime: `20.0 + ${wave(31)}`,
    errorRate: `0.05 * ${wave(17)}`,
    uptime: 'step * 30.0',
    dbConnections: '10L',
    dbQueryTime: `1.0 + 0.1 * ${wave(13)}`,
    memoryUsage: `40.0 + 0.3 * ${wave(11)}`,
    cpuUsage: `10.0 + 0.7 * ${wave(7)}`,
    diskUsage: '55.0',
    eventLoopDelayP99: `5.0 + 0.2 * ${wave(5)}`,
    load: '1.5',
    createdAt: 'ts',
  };
  return `INSERT INTO ${systemHealthTable.name} (${Object.keys(columns).map(toSnakeCase).join(', ')})
    SELECT ${Object.values(columns).join(', ')} FROM ${toStepsSql(steps)}
    CROSS JOIN (SELECT x - 1 service FROM long_sequence(${SERVICE_COUNT}))`;
}
