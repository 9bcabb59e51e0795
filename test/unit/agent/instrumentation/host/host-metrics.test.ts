import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AggregationTemporality,
  type DataPoint,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it } from 'vitest';
import {
  HostSampler,
  instrumentHost,
} from '../../../../../src/agent/instrumentation/host/host-metrics.ts';

class Reader extends MetricReader {
  protected override async onForceFlush() {}
  protected override async onShutdown() {}
}

/** Returns the values of the gauges with a name, after `instrumentHost`. */
async function collectGauges(sampler: HostSampler): Promise<Record<string, number>> {
  const reader = new Reader({
    aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE,
  });
  instrumentHost(new MeterProvider({ readers: [reader] }).getMeter('host'), sampler, 'db-1');
  const { resourceMetrics } = await reader.collect();
  const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  return Object.fromEntries(
    metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ value }) => [descriptor.name, value as number]),
    ),
  );
}

describe('in a container', () => {
  const MIB = 2 ** 20;

  /** Calls `test` with a container that has these limits. Without `usage`, its CPU time is unknown. */
  async function withContainer(
    limits: { cpu: string; memory: string },
    test: (root: string, setUsage: (usedMs: number) => void) => unknown,
  ): Promise<void> {
    const root = mkdtempSync(join(tmpdir(), 'perfscope-host-'));
    try {
      const group = join(root, 'sys/fs/cgroup');
      mkdirSync(group, { recursive: true });
      mkdirSync(join(root, 'proc/self'), { recursive: true });
      writeFileSync(join(root, 'proc/self/cgroup'), '0::/\n');
      writeFileSync(join(group, 'cpu.max'), limits.cpu);
      writeFileSync(join(group, 'memory.max'), limits.memory);
      writeFileSync(join(group, 'memory.current'), `${48 * MIB}`);
      await test(root, (usedMs) =>
        writeFileSync(join(group, 'cpu.stat'), `usage_usec ${usedMs * 1000}\n`),
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  }

  it('compares the usage with the limits', () =>
    withContainer({ cpu: '50000 100000', memory: `${64 * MIB}` }, async (root, setUsage) => {
      setUsage(1000);
      const sampler = new HostSampler(0, root);
      expect(sampler.sample(400)).toMatchObject({
        cpuUsage: undefined,
        memoryUsage: 75,
        hasCpuLimit: true,
        hasMemoryLimit: true,
      });
      setUsage(1200);
      // 200 ms of CPU time in 2000 ms with half a CPU.
      const sample = sampler.sample(2400);
      expect(sample.cpuUsage).toBeCloseTo(20);
      expect(sample.hostMemoryUsage).not.toBe(75);
      expect(sample.processMemory).toBeGreaterThan(10 * MIB);
      sampler.sample = () => sample;
      const gauges = await collectGauges(sampler);
      expect(gauges).toMatchObject({
        'container.cpu.utilization': expect.closeTo(0.2),
        'container.memory.utilization': 0.75,
        'process.cpu.utilization': expect.any(Number),
      });
      expect(Object.keys(gauges).filter((name) => /^system.(cpu|memory)/.test(name))).toEqual([]);
    }));

  it('uses the process if the CPU time of the container is unknown', () =>
    withContainer({ cpu: '1000 100000', memory: 'max' }, (root) => {
      const sampler = new HostSampler(0, root);
      const { cpuUsage, processCpuUsage } = sampler.sample(1000);
      expect(cpuUsage).toBe(processCpuUsage);
      expect(cpuUsage).toBeGreaterThan(0);
    }));

  it.each([
    ['unlimited', { cpu: 'max 100000', memory: 'max' }],
    [
      'higher than the host',
      { cpu: `${(cpus().length + 1) * 100_000} 100000`, memory: `${2 ** 50}` },
    ],
  ])('uses the host if the limits are %s', (_title, limits) =>
    withContainer(limits, async (root) => {
      const sampler = new HostSampler(-60_000, root);
      const sample = sampler.sample(0);
      expect(sample).toMatchObject({ hasCpuLimit: false, hasMemoryLimit: false });
      expect(sample.cpuUsage).toBe(sample.hostCpuUsage);
      expect(sample.memoryUsage).toBe(sample.hostMemoryUsage);
      sampler.sample = () => sample;
      const names = Object.keys(await collectGauges(sampler));
      expect(names).toContain('system.memory.utilization');
      expect(names.filter((name) => name.startsWith('container.'))).toEqual([]);
    }),
  );
});

it('counts network traffic since the process started, not since the host started', async () => {
  const sampler = new HostSampler();
  const host = { ...sampler.sample(), network: { receive: 5e9, transmit: 1e9 } };
  sampler.sample = () => host;
  const reader = new Reader({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA });
  instrumentHost(new MeterProvider({ readers: [reader] }).getMeter('host'), sampler, 'db-1');
  host.network = { receive: 5e9 + 300, transmit: 1e9 + 20 };
  const { resourceMetrics } = await reader.collect();
  const points = resourceMetrics.scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .filter(({ descriptor }) => descriptor.name === 'system.network.io')
    .flatMap(({ dataPoints }) => dataPoints as DataPoint<number>[]);
  expect(
    points.map(({ attributes, value }) => [attributes['network.io.direction'], value]),
  ).toEqual([
    ['receive', 300],
    ['transmit', 20],
  ]);
  expect(points[0]?.attributes['host.name']).toBe('db-1');
});
