import {
  AggregationTemporality,
  type DataPoint,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import { expect, it } from 'vitest';
import { HostSampler, instrumentHost } from '../../../../src/agent/instrumentation/host-metrics.ts';

class Reader extends MetricReader {
  protected override async onForceFlush() {}
  protected override async onShutdown() {}
}

it('counts network traffic since the process started, not since the host started', async () => {
  const sampler = new HostSampler();
  const host = { ...sampler.sample(), network: { receive: 5e9, transmit: 1e9 } };
  sampler.sample = () => host;
  const reader = new Reader({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA });
  instrumentHost(new MeterProvider({ readers: [reader] }).getMeter('host'), sampler);
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
});
