import { expect, it } from 'vitest';
import { encodeMetricsRequest } from '../../../../src/core/otel/encode/otlp-encoder.ts';
import type { OtelMetric, OtelResourceMetrics } from '../../../../src/core/otel/metric-data.ts';
import {
  decodeMetricsProtobuf,
  decodeTracesProtobuf,
} from '../../../../src/server/otlp/decode/decode-protobuf.ts';
import { splitRequest } from '../../../../src/server/otlp/split-request.ts';

const TIMES = { startTimeMs: 1_700_000_000_000, timeMs: 1_700_000_060_000 };

function createMetrics(points: number): OtelMetric[] {
  const list = <T>(create: (index: number) => T) =>
    Array.from({ length: points }, (_, i) => create(i));
  return [
    {
      ...{ name: 'requests', unit: '{request}', kind: 'sum', temporality: 'delta' },
      isMonotonic: true,
      points: list((i) => ({ ...TIMES, attributes: { route: `/r/${i}` }, value: i })),
    },
    {
      ...{ name: 'duration', unit: 's', kind: 'histogram', temporality: 'cumulative' },
      points: list((i) => ({
        ...TIMES,
        ...{ attributes: { i }, count: 3, sum: 4, bounds: [1, 2], bucketCounts: [1, 1, 1] },
      })),
    },
    {
      ...{ name: 'memory', unit: 'By', kind: 'gauge' },
      points: list((i) => ({ ...TIMES, attributes: { pool: `p${i}` }, value: i / 2 })),
    },
  ];
}

const REQUEST: OtelResourceMetrics[] = ['shop', 'booking'].map((service) => ({
  resource: { 'service.name': service },
  scopes: ['http', 'db'].map((name) => ({
    scope: { name, version: '1' },
    metrics: createMetrics(200),
  })),
}));

/** Returns each point with its metric, scope, and resource. */
function listPoints(resources: readonly OtelResourceMetrics[]): unknown[] {
  return resources.flatMap(({ resource, scopes }) =>
    scopes.flatMap(({ scope, metrics }) =>
      metrics.flatMap(({ points, ...metric }) =>
        points.map((point) => ({ resource, scope, metric, point })),
      ),
    ),
  );
}

it('a request is divided into parts with the same points in the same order', () => {
  const body = encodeMetricsRequest(REQUEST);
  const expected = listPoints(decodeMetricsProtobuf(body).resources);
  expect(expected).toHaveLength(2400);
  for (const maxBytes of [300, 1000, 5000, 50_000]) {
    const parts = [...splitRequest('metrics', body, maxBytes)];
    expect(parts.length).toBeGreaterThan(body.length / maxBytes);
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(maxBytes);
    const points = parts.flatMap((part) => listPoints(decodeMetricsProtobuf(part).resources));
    expect(points).toEqual(expected);
  }
});

it('spans are divided too', () => {
  const span = (id: number) => [
    ...[0x12, 28, 0x0a, 16, ...Array(16).fill(id), 0x12, 8, ...Array(8).fill(id)],
  ];
  const scope = [1, 2, 3, 4, 5, 6].flatMap(span);
  const resource = [0x12, ...encodeLength(scope.length), ...scope];
  const body = Buffer.from([0x0a, ...encodeLength(resource.length), ...resource]);
  const parts = [...splitRequest('traces', body, 80)];
  expect(parts).toHaveLength(3);
  const spans = parts.flatMap((part) =>
    decodeTracesProtobuf(part).resources.flatMap(({ scopes }) =>
      scopes.flatMap((each) => each.spans),
    ),
  );
  expect(spans.map(({ spanId }) => spanId.slice(0, 2))).toEqual([
    '01',
    '02',
    '03',
    '04',
    '05',
    '06',
  ]);
});

it('a small, malformed, or indivisible request stays whole', () => {
  const body = encodeMetricsRequest(REQUEST);
  expect([...splitRequest('metrics', body)]).toEqual([body]);
  const truncated = body.subarray(0, body.length - 1);
  expect([...splitRequest('metrics', truncated, 1000)]).toEqual([truncated]);
  const group = Buffer.alloc(1000, 0x0b);
  expect([...splitRequest('metrics', group, 100)]).toEqual([group]);
  const bigResource = encodeMetricsRequest([
    { ...REQUEST[0]!, resource: { 'service.name': 'x'.repeat(1000) } },
  ]);
  expect([...splitRequest('metrics', bigResource, 2000)]).toEqual([bigResource]);
});

function encodeLength(length: number): number[] {
  return length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
}
