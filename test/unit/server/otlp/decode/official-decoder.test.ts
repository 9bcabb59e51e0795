import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  decodeMetricsJson,
  decodeTracesJson,
} from '../../../../../src/server/otlp/decode/decode-json.ts';
import {
  decodeMetricsProtobuf,
  decodeTracesProtobuf,
} from '../../../../../src/server/otlp/decode/decode-protobuf.ts';
import {
  encodeOfficially,
  MetricsRequest,
  TracesRequest,
  toOfficialJson,
} from '../../../../support/official-otlp.ts';
import { metricsRequest, tracesRequest } from '../../../../support/otlp-arbitraries.ts';

const EXAMPLES = 'test/support/opentelemetry-proto/examples';
const toBody = (json: object) => Buffer.from(JSON.stringify(json));

it('decodes metrics in protobuf as protobufjs does, and the same metrics in JSON', () => {
  fc.assert(
    fc.property(metricsRequest, (request) => {
      const body = encodeOfficially(MetricsRequest, request);
      const json = toOfficialJson(MetricsRequest, body);
      expect(decodeMetricsProtobuf(body)).toEqual(decodeMetricsJson(toBody(json)));
    }),
    { numRuns: 500 },
  );
});

it('decodes spans in protobuf as protobufjs does, and the same spans in JSON', () => {
  fc.assert(
    fc.property(tracesRequest, (request) => {
      const body = encodeOfficially(TracesRequest, request);
      const json = toOfficialJson(TracesRequest, body);
      expect(decodeTracesProtobuf(body)).toEqual(decodeTracesJson(toBody(json)));
    }),
    { numRuns: 500 },
  );
});

it('accepts the example of metrics in the specification', () => {
  const { resources, points, rejected } = decodeMetricsJson(
    readFileSync(`${EXAMPLES}/metrics.json`),
  );
  expect({ points, rejected: rejected.size }).toEqual({ points: 4, rejected: 0 });
  const [{ resource, scopes } = { resource: {}, scopes: [] }] = resources;
  expect(resource).toEqual({ 'service.name': 'my.service' });
  expect(scopes[0]?.metrics.map(({ name, kind }) => [name, kind])).toEqual([
    ['my.counter', 'sum'],
    ['my.gauge', 'gauge'],
    ['my.histogram', 'histogram'],
    ['my.exponential.histogram', 'exponentialHistogram'],
  ]);
  expect(scopes[0]?.metrics[3]?.points).toMatchObject([
    {
      attributes: { 'my.exponential.histogram.attr': 'some value' },
      timeMs: 1_544_712_660_300,
      count: 3,
      zeroCount: 1,
      positive: { offset: 1, bucketCounts: [0, 2] },
    },
  ]);
});

it('accepts the example of spans in the specification', () => {
  const { resources, rejected } = decodeTracesJson(readFileSync(`${EXAMPLES}/trace.json`));
  expect(rejected.size).toBe(0);
  expect(resources[0]?.scopes[0]?.spans).toMatchObject([
    {
      traceId: '5b8efff798038103d269b633813fc60c',
      spanId: 'eee19b7ec3c1b174',
      parentSpanId: 'eee19b7ec3c1b173',
      kind: 'server',
      startTimeMs: 1_544_712_660_000,
      endTimeMs: 1_544_712_661_000,
    },
  ]);
});
