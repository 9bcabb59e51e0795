import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  DurationStats,
  SystemHealthMonitor,
} from '../../../../src/agent/health/system-health-monitor.ts';
import { HostSampler } from '../../../../src/agent/instrumentation/host/host-metrics.ts';
import { EventLoopSampler } from '../../../../src/agent/instrumentation/host/runtime-metrics.ts';
import { waitFor } from '../../../support/wait-for.ts';

const eventLoop = new EventLoopSampler();
const queries = new DurationStats();
const add = vi.fn();
let countConnections: () => number | undefined;
let monitor: SystemHealthMonitor;

beforeEach(() => {
  countConnections = () => 4;
  queries.reset();
  add.mockClear();
  monitor = new SystemHealthMonitor({
    hostName: 'host',
    ...{ resource: { service: 's', instance: 'i' }, host: new HostSampler(), eventLoop, queries },
    requests: new DurationStats(),
    countConnections: () => countConnections(),
    thresholds: { responseTimeWarning: 1, responseTimeCritical: 2, errorRate: 3 },
    add,
  });
});
afterEach(() => eventLoop.stop());

it('returns the CPU usage in the first snapshot, right after the start', async () => {
  const { metrics } = await monitor.getHealthSnapshot();
  expect(metrics.cpu).toBeGreaterThanOrEqual(0);
  expect(metrics.cpu).toBeLessThanOrEqual(100);
});

it('returns the connections and the query time of databases', async () => {
  queries.add(10, false);
  queries.add(30, true);
  expect((await monitor.getHealthSnapshot()).metrics).toMatchObject({
    dbConnections: 4,
    dbQueryTime: 20,
  });
  monitor.registerGauge('dbConnections', () => 7);
  expect((await monitor.getHealthSnapshot()).metrics.dbConnections).toBe(7);
});

it('returns no connections if they cannot be counted', async () => {
  countConnections = () => {
    throw new Error('the pool is closed');
  };
  const { metrics } = await monitor.getHealthSnapshot();
  expect([metrics.dbConnections, metrics.dbQueryTime]).toEqual([undefined, undefined]);
});

it('writes a health row without waiting for the CPU usage, with the values of its interval', async () => {
  queries.add(10, false);
  await monitor.writeRow();
  await monitor.writeRow();
  expect(
    add.mock.calls.map(([table, [row]]) => [table, row.dbConnections, row.dbQueryTime]),
  ).toEqual([
    ['system_health', 4, 10],
    ['system_health', 4, undefined],
  ]);
});

it('reports the host, the process, and the event loop', async () => {
  const { metrics } = await monitor.getHealthSnapshot();
  expect(metrics.hostCpu).toBeGreaterThanOrEqual(0);
  expect(metrics.hostMemory).toBeGreaterThan(0);
  expect(metrics.processCpu).toBeGreaterThanOrEqual(0);
  expect(metrics.processMemory).toBeGreaterThan(10_000_000);
  await monitor.writeRow();
  expect(add.mock.calls[0]?.[1][0]).toMatchObject({
    host: 'host',
    hostCpuUsage: expect.any(Number),
    hostMemoryUsage: expect.any(Number),
    processCpuUsage: expect.any(Number),
    processMemory: expect.any(Number),
  });
});

it('reports the share of the time in which the event loop was active', async () => {
  const sampler = new EventLoopSampler(-60_000);
  const { utilization } = await waitFor(async () => sampler.sample(0));
  expect(utilization).toBeGreaterThan(0);
  expect(utilization).toBeLessThanOrEqual(100);
  sampler.stop();
});
