import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, expect, it } from 'vitest';
import { fromSdkMetrics } from '../../../../src/agent/export/sdk-metric-adapter.ts';
import type { SdkResourceMetrics } from '../../../../src/agent/export/sdk-metric-types.ts';
import { getGuardFailures } from '../../../../src/core/guard.ts';

let provider: MeterProvider | undefined;
afterEach(() => provider?.shutdown());

/** Returns what a real SDK exports. */
async function collect(
  recordValues: (meter: ReturnType<MeterProvider['getMeter']>) => void,
  { temporality = 0, histograms = 5 } = {},
): Promise<SdkResourceMetrics> {
  const exporter = Object.assign(new InMemoryMetricExporter(temporality), {
    selectAggregation: (type: string) => ({ type: type === 'HISTOGRAM' ? histograms : 0 }) as never,
  });
  const reader = new PeriodicExportingMetricReader({ exporter });
  provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'booking' }),
    readers: [reader],
  });
  recordValues(provider.getMeter('app', '1.0', { schemaUrl: 'https://example.com/1' }));
  await reader.forceFlush();
  return exporter.getMetrics().at(-1)!;
}

const TIMES = { startTimeMs: expect.any(Number), timeMs: expect.any(Number) };

it('converts sums, gauges, and histograms', async () => {
  const collected = await collect((meter) => {
    meter.createCounter('orders', { unit: '{order}' }).add(3, { channel: 'web' });
    meter.createUpDownCounter('guests').add(-2);
    meter.createGauge('temperature', { unit: 'Cel', description: 'Room' }).record(21.5);
    const duration = meter.createHistogram('duration', { unit: 's' });
    duration.record(0.5);
    duration.record(0);
  });
  const { resource, scopes } = fromSdkMetrics(collected);
  expect(resource).toEqual({ 'service.name': 'booking' });
  expect(scopes.map(({ scope }) => scope)).toEqual([
    { name: 'app', version: '1.0', schemaUrl: 'https://example.com/1' },
  ]);
  const point = { ...TIMES, attributes: {} };
  expect(scopes[0]?.metrics).toEqual([
    {
      name: 'orders',
      unit: '{order}',
      description: '',
      kind: 'sum',
      temporality: 'delta',
      isMonotonic: true,
      points: [{ ...point, attributes: { channel: 'web' }, value: 3 }],
    },
    {
      name: 'guests',
      unit: '',
      description: '',
      kind: 'sum',
      temporality: 'delta',
      isMonotonic: false,
      points: [{ ...point, value: -2 }],
    },
    {
      name: 'temperature',
      unit: 'Cel',
      description: 'Room',
      kind: 'gauge',
      points: [{ ...point, value: 21.5 }],
    },
    {
      name: 'duration',
      unit: 's',
      description: '',
      kind: 'exponentialHistogram',
      temporality: 'delta',
      points: [
        {
          ...point,
          count: 2,
          sum: 0.5,
          min: 0,
          max: 0.5,
          scale: 20,
          zeroCount: 1,
          positive: { offset: -1_048_577, bucketCounts: [1] },
          negative: { offset: 0, bucketCounts: [] },
        },
      ],
    },
  ]);
});

it('converts cumulative histograms with explicit buckets', async () => {
  const advice = { explicitBucketBoundaries: [1, 2] };
  const collected = await collect(
    (meter) => meter.createHistogram('price', { advice }).record(1.5),
    { temporality: 1, histograms: 0 },
  );
  expect(fromSdkMetrics(collected).scopes[0]?.metrics).toMatchObject([
    {
      kind: 'histogram',
      temporality: 'cumulative',
      points: [{ count: 1, sum: 1.5, min: 1.5, max: 1.5, bounds: [1, 2], bucketCounts: [0, 1, 0] }],
    },
  ]);
});

const METRIC = {
  descriptor: { name: 'orders', unit: '', description: '' },
  aggregationTemporality: 1,
  dataPointType: 3,
  isMonotonic: true,
};
const POINT = { attributes: {}, startTime: [1, 400_000], endTime: [2, 0], value: 4 } as const;

function convert(...metrics: object[]): object[] {
  const data = { resource: { attributes: {} }, scopeMetrics: [{ scope: { name: '' }, metrics }] };
  return fromSdkMetrics(data as never).scopes[0]?.metrics as object[];
}

it('rounds times to ms', () => {
  expect(convert({ ...METRIC, dataPoints: [POINT] })).toMatchObject([
    { temporality: 'cumulative', points: [{ startTimeMs: 1000, timeMs: 2000, value: 4 }] },
  ]);
});

it('converts attributes of any type', () => {
  const attributes = { id: 10n, list: ['a', 1n], data: { room: 7 }, fn: () => 1 };
  expect(convert({ ...METRIC, dataPoints: [{ ...POINT, attributes }] })).toMatchObject([
    { points: [{ attributes: { id: '10', list: ['a', '1'], data: '{"room":7}' } }] },
  ]);
});

it('omits the infinite extremes of an empty histogram', () => {
  const buckets = { offset: 0, bucketCounts: [] };
  const extremes = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  const empty = { count: 0, sum: 0, scale: 20, zeroCount: 0, positive: buckets, negative: buckets };
  const dataPoints = [{ ...POINT, value: { ...empty, ...extremes } }];
  const [metric] = convert({ ...METRIC, dataPointType: 1, dataPoints });
  expect(metric).toMatchObject({ points: [{ ...empty, min: undefined, max: undefined }] });
});

it('keeps the other metrics if one can not be converted', () => {
  const failures = getGuardFailures().get('the export of the OpenTelemetry SDK') ?? 0;
  const broken = { ...METRIC, dataPointType: 0, dataPoints: [{ ...POINT, value: undefined }] };
  const unknown = { ...METRIC, dataPointType: 9, aggregationTemporality: 7, dataPoints: [POINT] };
  expect(convert(broken, unknown, { ...METRIC, dataPoints: [] })).toMatchObject([
    { kind: 'empty', points: [] },
    { kind: 'sum', points: [] },
  ]);
  expect(getGuardFailures().get('the export of the OpenTelemetry SDK')).toBe(failures + 1);
});

it('reads only the known attributes of a resource that is being detected', async () => {
  const late = new Promise<string>(() => {});
  const resource = resourceFromAttributes({ 'service.name': 'booking', 'host.id': late });
  const data = { resource: resource.merge(resourceFromAttributes({ 'service.name': 'late' })) };
  expect(fromSdkMetrics({ ...data, scopeMetrics: [] } as never).resource).toEqual({
    'service.name': 'late',
  });
});
