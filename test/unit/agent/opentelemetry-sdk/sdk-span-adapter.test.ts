import { expect, it } from 'vitest';
import { fromSdkSpans } from '../../../../src/agent/opentelemetry-sdk/sdk-span-adapter.ts';
import type { SdkSpan } from '../../../../src/agent/opentelemetry-sdk/sdk-span-types.ts';

const RESOURCE = { attributes: { 'service.name': 'booking' } };
const HTTP = { name: 'instrumentation-http', version: '0.301.0' };
const SPAN: SdkSpan = {
  name: 'GET /rooms/:id',
  kind: 1,
  spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }),
  parentSpanContext: { traceId: 'a'.repeat(32), spanId: 'c'.repeat(16) },
  startTime: [1000, 250_000],
  endTime: [1000, 1_500_000],
  status: { code: 2, message: 'no room' },
  attributes: { 'http.route': '/rooms/:id' },
  events: [{ name: 'exception', time: [1000, 1_000_000], attributes: { 'exception.type': 'E' } }],
  resource: RESOURCE,
  instrumentationScope: HTTP,
};

it('converts spans, grouped by resource and scope', () => {
  const redis: SdkSpan = {
    ...SPAN,
    name: 'get',
    kind: 2,
    parentSpanContext: undefined,
    status: { code: 0 },
    events: [],
    instrumentationScope: { name: 'ioredis', version: '', schemaUrl: '' },
  };
  expect(fromSdkSpans([SPAN, redis, { ...SPAN, kind: 4, status: { code: 1 } }])).toEqual([
    {
      resource: { 'service.name': 'booking' },
      scopes: [
        {
          scope: HTTP,
          spans: [
            {
              traceId: 'a'.repeat(32),
              spanId: 'b'.repeat(16),
              parentSpanId: 'c'.repeat(16),
              name: 'GET /rooms/:id',
              kind: 'server',
              startTimeMs: 1_000_000.25,
              endTimeMs: 1_000_001.5,
              attributes: { 'http.route': '/rooms/:id' },
              status: 'error',
              statusMessage: 'no room',
              events: [
                { name: 'exception', timeMs: 1_000_001, attributes: { 'exception.type': 'E' } },
              ],
            },
            expect.objectContaining({ kind: 'consumer', status: 'ok' }),
          ],
        },
        {
          scope: { name: 'ioredis', version: undefined, schemaUrl: undefined },
          spans: [
            expect.objectContaining({ kind: 'client', status: 'unset', parentSpanId: undefined }),
          ],
        },
      ],
    },
  ]);
});

it('omits internal spans', () => {
  expect(fromSdkSpans([{ ...SPAN, kind: 0 }])).toEqual([]);
});

it('keeps the other spans if one can not be converted', () => {
  const broken = { ...SPAN, spanContext: undefined } as unknown as SdkSpan;
  const spans = fromSdkSpans([broken, SPAN])[0]?.scopes[0]?.spans;
  expect(spans?.map(({ name }) => name)).toEqual(['GET /rooms/:id']);
});
