import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMetricsRequest } from '../../../../src/core/otel/encode/otlp-encoder.ts';
import { encodeMetricsRequestJson } from '../../../../src/core/otel/encode/otlp-json-encoder.ts';
import type { OtelMetric, OtelResourceMetrics } from '../../../../src/core/otel/metric-data.ts';
import { decodeMetricsJson } from '../../../../src/server/otlp/decode/decode-json.ts';
import { decodeMetricsProtobuf } from '../../../../src/server/otlp/decode/decode-protobuf.ts';
import { MetricsRequest, toOfficialJson } from '../../../support/official-otlp.ts';

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const list = <T>(element: fc.Arbitrary<T>) => fc.array(element, { maxLength: 3 });
const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const filledText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
/** JSON has no negative zero. */
const double = fc.double().map((value) => value + 0);
const count = fc.maxSafeNat();
const time = fc.integer({ min: 1, max: 4_102_444_800_000 });
/** Includes times with a fraction of 1 µs. */
const exactTime = fc.oneof(
  time,
  time.map((ms) => ms + 0.125),
);
const hex = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length, min: 1 })
    .map((bytes) => Buffer.from(bytes).toString('hex'));
const primitive = fc.oneof(text, double, fc.integer(), fc.boolean());
const attributes = fc.dictionary(
  fc.oneof(text, fc.constant('__proto__')),
  fc.oneof(primitive, list(fc.option(primitive))),
  { maxKeys: 4 },
);
const exemplars = optional(
  fc.array(
    fc.record({
      timeMs: time,
      value: double,
      traceId: optional(hex(16)),
      spanId: optional(hex(8)),
      attributes: optional(attributes.filter((object) => Object.keys(object).length > 0)),
    }),
    { minLength: 1, maxLength: 2 },
  ),
);
const point = {
  attributes,
  startTimeMs: fc.oneof(fc.constant(0), exactTime),
  timeMs: exactTime,
  hasNoValue: fc.constantFrom(true as const, undefined),
};
const numberPoint = fc
  .record({ ...point, exemplars, value: double })
  .map((number) => (number.hasNoValue ? { ...number, value: Number.NaN } : number));
const totals = { count, sum: optional(double), min: optional(double), max: optional(double) };
const buckets = fc.record({ offset: fc.integer(), bucketCounts: list(count) });
const base = { name: text, unit: text, description: optional(filledText) };
const temporality = fc.constantFrom('unspecified', 'delta', 'cumulative');
const metric = fc.oneof(
  fc.record({ ...base, kind: fc.constant('empty'), points: fc.constant([]) }),
  fc.record({ ...base, kind: fc.constant('gauge'), points: list(numberPoint) }),
  fc.record({
    ...base,
    kind: fc.constant('sum'),
    temporality,
    isMonotonic: fc.boolean(),
    points: list(numberPoint),
  }),
  fc.record({
    ...base,
    kind: fc.constant('histogram'),
    temporality,
    points: list(
      fc.record({
        ...point,
        exemplars,
        ...totals,
        bounds: list(double),
        bucketCounts: list(count),
      }),
    ),
  }),
  fc.record({
    ...base,
    kind: fc.constant('exponentialHistogram'),
    temporality,
    points: list(
      fc.record({
        ...point,
        exemplars,
        ...totals,
        scale: fc.integer(),
        zeroCount: count,
        zeroThreshold: double,
        positive: buckets,
        negative: buckets,
      }),
    ),
  }),
  fc.record({
    ...base,
    kind: fc.constant('summary'),
    points: list(
      fc.record({
        ...point,
        count,
        sum: double,
        quantiles: list(fc.record({ quantile: double, value: double })),
      }),
    ),
  }),
) as fc.Arbitrary<OtelMetric>;
const resourceMetrics: fc.Arbitrary<OtelResourceMetrics> = fc.record({
  resource: attributes,
  scopes: list(
    fc.record({
      scope: fc.record({
        name: text,
        version: optional(filledText),
        schemaUrl: optional(filledText),
      }),
      metrics: list(metric),
    }),
  ),
});

describe('the encoder of OTLP metrics', () => {
  it('writes protobuf that decodes to the same data', () => {
    fc.assert(
      fc.property(list(resourceMetrics), (resources) => {
        const decoded = decodeMetricsProtobuf(encodeMetricsRequest(resources));
        expect(decoded.resources).toEqual(resources);
        expect(decoded.rejected.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('writes JSON that decodes to the same data', () => {
    fc.assert(
      fc.property(list(resourceMetrics), (resources) => {
        const decoded = decodeMetricsJson(Buffer.from(encodeMetricsRequestJson(resources)));
        expect(decoded.resources).toEqual(resources);
      }),
      { numRuns: 300 },
    );
  });

  it('writes protobuf that protobufjs decodes to the same data', () => {
    fc.assert(
      fc.property(list(resourceMetrics), (resources) => {
        const json = toOfficialJson(MetricsRequest, encodeMetricsRequest(resources));
        expect(decodeMetricsJson(Buffer.from(JSON.stringify(json))).resources).toEqual(resources);
      }),
      { numRuns: 300 },
    );
  });

  it('writes 64-bit integers as text, and infinite numbers by name, in JSON', () => {
    const text = encodeMetricsRequestJson([
      {
        resource: { 'service.name': 'shop', 'process.pid': 7 },
        scopes: [
          {
            scope: { name: 'test' },
            metrics: [
              {
                name: 'queue.size',
                unit: '{job}',
                kind: 'gauge',
                points: [
                  { attributes: {}, startTimeMs: 0, timeMs: 1_764_303_600_000.5, value: Infinity },
                ],
              },
            ],
          },
        ],
      },
    ]);
    expect(JSON.parse(text)).toEqual({
      resourceMetrics: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { stringValue: 'shop' } },
              { key: 'process.pid', value: { intValue: '7' } },
            ],
          },
          scopeMetrics: [
            {
              scope: { name: 'test' },
              metrics: [
                {
                  name: 'queue.size',
                  unit: '{job}',
                  gauge: {
                    dataPoints: [
                      { attributes: [], timeUnixNano: '1764303600000500000', asDouble: 'Infinity' },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it.each([Number.NaN, -1, 2 ** 60])('rejects the time %d', (timeMs) => {
    const resources: OtelResourceMetrics[] = [
      {
        resource: {},
        scopes: [
          {
            scope: { name: '' },
            metrics: [
              {
                name: 'a',
                unit: '1',
                kind: 'gauge',
                points: [{ attributes: {}, startTimeMs: 0, timeMs, value: 1 }],
              },
            ],
          },
        ],
      },
    ];
    expect(() => encodeMetricsRequest(resources)).toThrow(RangeError);
    expect(() => encodeMetricsRequestJson(resources)).toThrow(RangeError);
  });
});
