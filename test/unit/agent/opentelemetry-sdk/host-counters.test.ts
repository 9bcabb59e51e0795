import { expect, it } from 'vitest';
import { HostCounterBaseline } from '../../../../src/agent/opentelemetry-sdk/host-counters.ts';
import type { OtelMetric } from '../../../../src/core/otel/metric-data.ts';

const NETWORK = {
  kind: 'sum',
  name: 'system.network.io',
  unit: 'By',
  isMonotonic: true,
  temporality: 'delta',
} as const;

function createPoint(value: number, direction = 'receive') {
  const attributes = { 'network.io.direction': direction };
  return { attributes, startTimeMs: 1000, timeMs: 2000, value };
}

function apply(baseline: HostCounterBaseline, metric: OtelMetric): OtelMetric['points'] {
  const metrics = { resource: {}, scopes: [{ scope: { name: 'host' }, metrics: [metric] }] };
  return baseline.apply(metrics).scopes[0]!.metrics[0]!.points;
}

it('omits the first delta of each series, which was counted since the host was booted', () => {
  const baseline = new HostCounterBaseline();
  const [first, second, other] = [createPoint(9e9), createPoint(5), createPoint(7e9, 'transmit')];
  expect(apply(baseline, { ...NETWORK, points: [first] })).toEqual([]);
  expect(apply(baseline, { ...NETWORK, points: [second, other] })).toEqual([second]);
});

it('makes the first cumulative point the base of later deltas', () => {
  const metric = { ...NETWORK, temporality: 'cumulative', points: [createPoint(9e9)] } as const;
  expect(apply(new HostCounterBaseline(), metric)).toEqual([
    { ...createPoint(9e9), startTimeMs: 0 },
  ]);
});

it.each<OtelMetric>([
  { ...NETWORK, name: 'process.cpu.time', points: [createPoint(5)] },
  { ...NETWORK, isMonotonic: false, points: [createPoint(5)] },
  { kind: 'gauge', name: 'system.memory.usage', unit: 'By', points: [createPoint(5)] },
])('keeps the other metrics: %j', (metric) => {
  expect(apply(new HostCounterBaseline(), metric)).toEqual(metric.points);
});
