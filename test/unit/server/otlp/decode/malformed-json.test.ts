import { describe, expect, it } from 'vitest';
import {
  decodeMetricsJson,
  decodeTracesJson,
} from '../../../../../src/server/otlp/decode/decode-json.ts';
import { OtlpDecodeError } from '../../../../../src/server/otlp/decode/otlp-decode-error.ts';

const inPoint = (fields: object, kind = 'gauge') => ({
  resourceMetrics: [{ scopeMetrics: [{ metrics: [{ [kind]: { dataPoints: [fields] } }] }] }],
});
const inSpan = (fields: object) => ({
  resourceSpans: [
    { scopeSpans: [{ spans: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), ...fields }] }] },
  ],
});
const inAttribute = (value: unknown) => inPoint({ attributes: [{ key: 'a', value }] });
const toBody = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const decodePoint = (fields: object, kind?: string) =>
  decodeMetricsJson(toBody(inPoint(fields, kind))).resources[0]?.scopes[0]?.metrics[0]?.points[0];
const decodeSpan = (fields: object) =>
  decodeTracesJson(toBody(inSpan(fields))).resources[0]?.scopes[0]?.spans[0];

const POINT = 'resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0]';
const VALUE = `${POINT}.attributes[0].value`;

describe('malformed JSON', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['an empty body', '', 'body', /not valid JSON: Unexpected end/],
    ['a body that ends early', '{"resourceMetrics":[', 'body', /not valid JSON: Unexpected end/],
    ['a syntax error', '{"resourceMetrics":]}', 'body', /not valid JSON: Unexpected token ']'/],
    ['a missing comma', '{"resourceMetrics":[1 2]}', 'character 22', /JSON: Expected ','/],
    ['an array', '[]', 'body', /not a JSON object/],
    ['deep nesting', '['.repeat(10_000), 'byte 256', /nested too deeply/],
    ['text instead of an array', { resourceMetrics: 'a' }, 'resourceMetrics', /not an array/],
    ['null in an array', { resourceMetrics: [null] }, 'resourceMetrics[0]', /not a JSON object/],
    [
      'a number as a name',
      { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 7 }] }] }] },
      'resourceMetrics[0].scopeMetrics[0].metrics[0].name',
      /not a string/,
    ],
    ['a time in words', inPoint({ timeUnixNano: 'now' }), `${POINT}.timeUnixNano`, /not a number/],
    ['a negative time', inPoint({ timeUnixNano: '-1' }), `${POINT}.timeUnixNano`, /out of range/],
    [
      'a time of 65 bits',
      inPoint({ timeUnixNano: '18446744073709551616' }),
      `${POINT}.timeUnixNano`,
      /out of range/,
    ],
    [
      'half a nanosecond',
      inPoint({ timeUnixNano: 0.5 }),
      `${POINT}.timeUnixNano`,
      /not an integer/,
    ],
    ['a list as a value', inPoint({ asDouble: [1] }), `${POINT}.asDouble`, /not a number/],
    ['an integer with a fraction', inPoint({ asInt: '1.5' }), `${POINT}.asInt`, /not an integer/],
    [
      'an integer with a million digits',
      inPoint({ asInt: '9'.repeat(1e6) }),
      `${POINT}.asInt`,
      /not an integer/,
    ],
    ['two values', inPoint({ asInt: 1, asDouble: 1 }), `${POINT}.asInt`, /together with asDouble/],
    [
      'two values of an attribute',
      inAttribute({ stringValue: 'a', intValue: 1 }),
      `${VALUE}.intValue`,
      /together with stringValue/,
    ],
    [
      'text that is true',
      inAttribute({ boolValue: 'true' }),
      `${VALUE}.boolValue`,
      /neither true nor false/,
    ],
    ["a value that isn't an object", inAttribute('a'), VALUE, /not a JSON object/],
  ])('reports %s with its position', (_name, body, position, reason) => {
    let error: unknown;
    try {
      decodeMetricsJson(toBody(body));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(OtlpDecodeError);
    expect(error).toMatchObject({ position, reason: expect.stringMatching(reason) });
  });

  it('is reported if the body is not UTF-8', () => {
    expect(() => decodeMetricsJson(Buffer.from('{"a":"\xff"}', 'latin1'))).toThrow(/UTF-8/);
    expect(() => decodeTracesJson(Buffer.from('{"a":"\xff"}', 'latin1'))).toThrow(/UTF-8/);
  });
});

describe('JSON as OTLP defines it', () => {
  it('ignores unknown fields, and names that are not in lowerCamelCase', () => {
    expect(decodeMetricsJson(toBody({ resource_metrics: 5, other: [{}] }))).toMatchObject({
      points: 0,
    });
    expect(decodePoint({ time_unix_nano: '5', asDouble: 1, a: { b: 1 } })).toMatchObject({
      timeMs: 0,
      value: 1,
    });
  });

  it('accepts integers as numbers and as text, and null as a missing field', () => {
    expect(decodePoint({ timeUnixNano: 1_764_303_600_000_000_000, asInt: '-7' })).toMatchObject({
      timeMs: 1_764_303_600_000,
      value: -7,
    });
    expect(
      decodePoint({ timeUnixNano: '1764303600000000000', asInt: -7, flags: '0' }),
    ).toMatchObject({ timeMs: 1_764_303_600_000, value: -7 });
    expect(decodePoint({ asInt: null, asDouble: '1e3', exemplars: null })).toMatchObject({
      value: 1000,
    });
    expect(decodePoint({ asDouble: 'NaN' })).toMatchObject({ value: Number.NaN });
    expect(decodePoint({ asDouble: '-Infinity' })).toMatchObject({ value: -Infinity });
    expect(
      decodePoint({ count: 3, bucketCounts: ['1', 2], explicitBounds: ['0.5'] }, 'histogram'),
    ).toMatchObject({ count: 3, bucketCounts: [1, 2], bounds: [0.5] });
  });

  it('accepts enums as numbers and as names', () => {
    const decode = (aggregationTemporality: unknown) =>
      decodeMetricsJson(
        toBody({
          resourceMetrics: [{ scopeMetrics: [{ metrics: [{ sum: { aggregationTemporality } }] }] }],
        }),
      ).resources[0]?.scopes[0]?.metrics[0];
    expect(decode(1)).toMatchObject({ temporality: 'delta' });
    expect(decode('2')).toMatchObject({ temporality: 'cumulative' });
    expect(decode('AGGREGATION_TEMPORALITY_DELTA')).toMatchObject({ temporality: 'delta' });
    expect(decode('DELTA')).toMatchObject({ temporality: 'unspecified' });
    expect(decode(9)).toMatchObject({ temporality: 'unspecified' });
    expect(decodeSpan({ kind: 'SPAN_KIND_SERVER', status: { code: 2 } })).toMatchObject({
      kind: 'server',
      status: 'error',
    });
    expect(decodeSpan({ kind: 5, status: { code: 'STATUS_CODE_OK' } })).toMatchObject({
      kind: 'consumer',
      status: 'ok',
    });
  });

  it('reads the IDs of traces and spans as hex digits of either case', () => {
    expect(
      decodeSpan({ traceId: 'AB'.repeat(16), spanId: 'Cd'.repeat(8), parentSpanId: '' }),
    ).toMatchObject({
      traceId: 'ab'.repeat(16),
      spanId: 'cd'.repeat(8),
      parentSpanId: undefined,
    });
  });

  it('stores values that attributes do not have as text', () => {
    const decode = (value: unknown) =>
      decodeMetricsJson(toBody(inAttribute(value))).resources[0]?.scopes[0]?.metrics[0]?.points[0]
        ?.attributes.a;
    expect(
      decode({ arrayValue: { values: [{ intValue: '1' }, {}, { boolValue: true }] } }),
    ).toEqual([1, null, true]);
    expect(decode({ arrayValue: { values: [{ arrayValue: {} }, { doubleValue: 'NaN' }] } })).toBe(
      '[[],null]',
    );
    expect(decode({ kvlistValue: { values: [{ key: 'k', value: { stringValue: 'v' } }] } })).toBe(
      '{"k":"v"}',
    );
    expect(decode({ bytesValue: '-_8' })).toBe('+/8=');
    expect(decode({ intValue: '9223372036854775807' })).toBe('9223372036854775807');
    expect(decode({})).toBeUndefined();
  });

  it('keeps an attribute with the name __proto__', () => {
    const body =
      '{"resourceMetrics":[{"resource":{"attributes":[{"key":"__proto__","value":{"stringValue":"a"}}]}}]}';
    const resource = decodeMetricsJson(toBody(body)).resources[0]?.resource ?? {};
    expect(Object.entries(resource)).toEqual([['__proto__', 'a']]);
  });
});
