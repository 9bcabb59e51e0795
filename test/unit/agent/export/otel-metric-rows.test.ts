import { ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { expect, it } from 'vitest';
import { toMetricRows } from '../../../../src/agent/export/otel-metric-rows.ts';

it.each([
  ['container.cpu.utilization', '1', 'CPU_USAGE', '%', 25],
  ['container.memory.utilization', '1', 'MEMORY_USAGE', '%', 25],
  ['system.cpu.utilization', '1', 'CPU_USAGE', '%', 25],
  ['process.cpu.utilization', '1', 'CUSTOM', '%', 25],
  ['nodejs.eventloop.utilization', '1', 'CUSTOM', '%', 25],
  ['orders.utilization', '1', 'CUSTOM', '1', 0.25],
])('stores %s as %s %s in %s', (name, unit, metricType, storedUnit, value) => {
  const collected: ScopeMetrics = {
    scope: { name: 'test' },
    metrics: [
      {
        descriptor: { name, unit, description: '', valueType: ValueType.DOUBLE },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPointType: DataPointType.GAUGE,
        dataPoints: [
          { startTime: [1, 0], endTime: [2, 0], attributes: { 'host.name': 'db-1' }, value: 0.25 },
        ],
      },
    ],
  };
  const { metrics } = toMetricRows([collected], { service: 's', instance: 'i' });
  expect(metrics).toMatchObject([{ name, metricType, unit: storedUnit, value, host: 'db-1' }]);
});

it('metrics with the same name have different IDs if their scopes, units, or types differ', () => {
  const toScope = (
    scope: ScopeMetrics['scope'],
    unit = '{hit}',
    dataPointType: DataPointType.GAUGE | DataPointType.SUM = DataPointType.GAUGE,
  ): ScopeMetrics => ({
    scope,
    metrics: [
      {
        descriptor: { name: 'cache.hits', unit, description: '', valueType: ValueType.DOUBLE },
        aggregationTemporality: AggregationTemporality.DELTA,
        dataPointType,
        isMonotonic: false,
        dataPoints: [{ startTime: [1, 0], endTime: [2, 0], attributes: {}, value: 1 }],
      },
    ],
  });
  const collected = [
    toScope({ name: 'rooms' }),
    toScope({ name: 'prices' }),
    toScope({ name: 'prices', version: '2' }),
    toScope({ name: 'prices', schemaUrl: 'https://example.com' }),
    toScope({ name: 'rooms' }, '{miss}'),
    toScope({ name: 'rooms' }, '{hit}', DataPointType.SUM),
  ];
  const { metrics } = toMetricRows(collected, { service: 's', instance: 'i' });
  expect(new Set(metrics.map(({ id }) => id)).size).toBe(collected.length);
});

it('omits the first value of host counters, which contains the increase since the host was started', () => {
  const toScope = (name: string, startS: number, scope = '@opentelemetry/host-metrics') => ({
    scope: { name: scope },
    metrics: [
      {
        descriptor: { name, unit: 's', description: '', valueType: ValueType.DOUBLE },
        aggregationTemporality: AggregationTemporality.DELTA,
        dataPointType: DataPointType.SUM as const,
        isMonotonic: true,
        dataPoints: [{ startTime: [startS, 0], endTime: [9, 0], attributes: {}, value: 1 }],
      } satisfies ScopeMetrics['metrics'][number],
    ],
  });
  const collected: ScopeMetrics[] = [
    toScope('system.cpu.time', 9),
    toScope('system.cpu.time', 8),
    toScope('process.cpu.time', 9),
    toScope('system.network.io', 9, 'perfscope.host'),
  ];
  const { metrics } = toMetricRows(collected, { service: 's', instance: 'i' });
  expect(metrics.map(({ name }) => name)).toEqual([
    'system.cpu.time',
    'process.cpu.time',
    'system.network.io',
  ]);
});
