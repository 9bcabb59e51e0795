import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import type { AddRows } from '../../src/core/schema/table-registry.ts';
import type { QueueMetricRow } from '../../src/core/schema/tables/queue-metrics-table.ts';
import { addCookbookMetrics, nextId, SHOP, type ShopRequests } from './sql-cookbook-metrics.ts';

/** Jobs 1 and 2 complete. Job 3 fails after an attempt that was retried. */
function createJobRows(nowMs: number): QueueMetricRow[] {
  const at = (agoMs: number, jobId: string) => ({
    ...SHOP,
    ...{ instance: 'shop-1', queueName: 'emails', queueScope: 'bull@redis-1:6379/0' },
    ...{ jobType: 'welcome', organizationId: 'acme', maxAttempts: 2, test: false },
    ...{ id: nextId(), timestamp: nowMs - agoMs, jobId },
  });
  const errorMessage = 'the mailbox is full';
  return [
    { ...at(40 * MINUTE_MS, '1'), status: 'waiting', attempts: 0 },
    { ...at(39 * MINUTE_MS, '1'), status: 'completed', attempts: 1, waitTime: 100, duration: 400 },
    { ...at(38 * MINUTE_MS, '2'), status: 'completed', attempts: 1, waitTime: 300, duration: 600 },
    { ...at(37 * MINUTE_MS, '3'), status: 'delayed', attempts: 1, waitTime: 9000, duration: 9000 },
    {
      ...at(36 * MINUTE_MS, '3'),
      status: 'failed',
      attempts: 2,
      waitTime: 200,
      duration: 200,
      errorMessage,
    },
    {
      ...at(35 * MINUTE_MS, '4'),
      status: 'failed',
      attempts: 2,
      waitTime: 9000,
      duration: 9000,
      test: true,
    },
    {
      ...at(2 * DAY_MS, '5'),
      status: 'failed',
      attempts: 2,
      waitTime: 9000,
      duration: 9000,
      errorMessage,
    },
  ];
}

function addHealthRows(add: AddRows, nowMs: number): void {
  const at = (agoMs: number, instance: string) => ({
    ...SHOP,
    ...{ host: 'pod-1', instance, id: nextId(), timestamp: nowMs - agoMs },
  });
  const usage = { memoryUsage: 70, processCpuUsage: 20, processMemory: 250_000_000 };
  add('system_health', [
    { ...at(30 * MINUTE_MS, 'shop-0'), status: 'healthy', cpuUsage: 99, uptime: 60 },
    { ...at(MINUTE_MS, 'shop-1'), status: 'healthy', cpuUsage: 10, uptime: 3420 },
    {
      ...at(-20 * MINUTE_MS, 'shop-1'),
      status: 'degraded',
      cpuUsage: 85,
      uptime: 3600,
      eventLoopDelayP99: 12,
      ...usage,
    },
    { ...at(MINUTE_MS, 'shop-2'), status: 'healthy', cpuUsage: 20, uptime: 600 },
    { ...at(-20 * MINUTE_MS, 'shop-2'), status: 'stopped', uptime: 720 },
  ]);
}

/** Alerts of `ErrorRate` last 10 and 20 minutes, and one is still firing. An alert of `QueueDepth` lasts 5 minutes. */
function addAlertRows(add: AddRows, nowMs: number): void {
  const addAlert = (
    rule: string,
    firedAgoMs: number | undefined,
    durationMs: number | undefined,
  ) => {
    const id = nextId();
    const firedAt = firedAgoMs === undefined ? undefined : nowMs - firedAgoMs;
    const startedAt = (firedAt ?? nowMs - HOUR_MS) - MINUTE_MS;
    const alert = { id, rule, severity: 'high', labels: '{}', service: 'shop', startedAt } as const;
    add('alerts', [{ ...alert, timestamp: startedAt, seq: 1, state: 'pending' }]);
    if (firedAt !== undefined)
      add('alerts', [{ ...alert, timestamp: firedAt, seq: 2, state: 'firing', firedAt }]);
    if (durationMs === undefined) return;
    const timestamp = (firedAt ?? startedAt) + durationMs;
    add('alerts', [{ ...alert, timestamp, seq: 3, state: 'resolved', firedAt }]);
  };
  addAlert('ErrorRate', 2 * DAY_MS, 10 * MINUTE_MS);
  addAlert('ErrorRate', DAY_MS, 20 * MINUTE_MS);
  addAlert('ErrorRate', HOUR_MS, undefined);
  addAlert('QueueDepth', 3 * DAY_MS, 5 * MINUTE_MS);
  addAlert('NeverFired', undefined, 5 * MINUTE_MS);
  addAlert('LastMonth', 10 * DAY_MS, 5 * MINUTE_MS);
}

/** Only the error `new` first occurred in the last day. */
function addErrorRows(add: AddRows, nowMs: number): void {
  const at = (agoMs: number, fingerprint: string) => ({
    ...SHOP,
    ...{ instance: 'shop-1', id: nextId(), timestamp: nowMs - agoMs, fingerprint },
    ...{ kind: 'request', level: 'error', errorType: 'TypeError' },
  });
  add('error_logs', [
    { ...at(5 * DAY_MS, 'old'), count: 1, message: 'old' },
    { ...at(HOUR_MS, 'old'), count: 7, message: 'old' },
    { ...at(2 * DAY_MS, 'older'), count: 1, message: 'older' },
    { ...at(3 * HOUR_MS, 'new'), count: 1, message: 'room 1 is undefined' },
    { ...at(2 * HOUR_MS, 'new'), count: 4, message: 'room 2 is undefined' },
    { ...at(HOUR_MS, 'alert'), kind: 'alert', count: 1, message: 'ErrorRate' },
  ]);
}

/**
 * Adds rows of all tables that docs/sql-cookbook.md queries. The newest gauges and health rows are in the future, so the
 * test can take 15 minutes.
 *
 * @param nowMs time of the test, in ms since the epoch
 * @returns the shop's requests
 */
export function addCookbookRows(add: AddRows, nowMs: number): readonly ShopRequests[] {
  add('queue_metrics', createJobRows(nowMs));
  addHealthRows(add, nowMs);
  addAlertRows(add, nowMs);
  addErrorRows(add, nowMs);
  return addCookbookMetrics(add, nowMs);
}
