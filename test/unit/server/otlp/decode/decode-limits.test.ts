import { describe, expect, it } from 'vitest';
import {
  decodeMetricsJson,
  decodeTracesJson,
} from '../../../../../src/server/otlp/decode/decode-json.ts';
import {
  decodeMetricsProtobuf,
  decodeTracesProtobuf,
} from '../../../../../src/server/otlp/decode/decode-protobuf.ts';
import { OtlpDecodeError } from '../../../../../src/server/otlp/decode/otlp-decode-error.ts';
import {
  encodeOfficially,
  MetricsRequest,
  TracesRequest,
  toOfficialJson,
} from '../../../../support/official-otlp.ts';

const KIBIBYTE = 1024;
type Value = Record<string, unknown>;
const attribute = (key: string, value: Value = { stringValue: 'v' }) => ({ key, value });
const attributes = (count: number) =>
  Array.from({ length: count }, (_, index) => attribute(`key${index}`));
const nest = (depth: number): Value =>
  depth === 0 ? { intValue: '1' } : { arrayValue: { values: [nest(depth - 1)] } };
const SPAN = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1) };

/** Decodes metrics in both encodings, and checks that the results are equal. */
function decodeMetrics(resourceMetrics: object) {
  const body = encodeOfficially(MetricsRequest, { resourceMetrics: [resourceMetrics] });
  const json = JSON.stringify(toOfficialJson(MetricsRequest, body));
  const result = decodeMetricsProtobuf(body);
  expect(decodeMetricsJson(Buffer.from(json))).toEqual(result);
  return { points: result.points, rejected: Object.fromEntries(result.rejected) };
}

/** Decodes a metric with one valid point and one other point. */
function decodePoint(point: object, kind = 'gauge', fields: object = {}) {
  const metric = { name: 'm', [kind]: { dataPoints: [point, { timeUnixNano: 1 }] }, ...fields };
  return decodeMetrics({ scopeMetrics: [{ metrics: [metric] }] });
}

function decodeSpan(span: object) {
  const spans = [{ ...SPAN, ...span }, SPAN];
  const body = encodeOfficially(TracesRequest, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
  const json = JSON.stringify(toOfficialJson(TracesRequest, body));
  const result = decodeTracesProtobuf(body);
  expect(decodeTracesJson(Buffer.from(json))).toEqual(result);
  return result;
}

describe('limits of a point', () => {
  it.each<[string, object, string?]>([
    ['too_many_attributes', { attributes: attributes(129) }],
    ['too_many_attributes', { attributes: attributes(100_000) }],
    ['too_many_attributes', { exemplars: [{ filteredAttributes: attributes(129) }] }],
    ['attribute_too_long', { attributes: [attribute('k'.repeat(64 * KIBIBYTE))] }],
    [
      'attribute_too_long',
      { attributes: [attribute('k', { stringValue: 'é'.repeat(32 * KIBIBYTE) })] },
    ],
    ['value_too_deep', { attributes: [attribute('k', nest(33))] }],
    ['value_too_deep', { attributes: [attribute('k', nest(40))] }],
    ['too_many_buckets', { bucketCounts: Array(4098).fill(1) }, 'histogram'],
    ['too_many_buckets', { explicitBounds: Array(4098).fill(1) }, 'histogram'],
    [
      'too_many_buckets',
      { positive: { bucketCounts: Array(4098).fill(1) } },
      'exponentialHistogram',
    ],
    ['too_many_buckets', { quantileValues: Array(4098).fill({ value: 1 }) }, 'summary'],
  ])('reject it with the reason %s, and accept the next point', (reason, point, kind) => {
    expect(decodePoint(point, kind)).toEqual({ points: 1, rejected: { [reason]: 1 } });
  });

  it('accept the largest values', () => {
    const none = { points: 2, rejected: {} };
    expect(decodePoint({ attributes: attributes(128) })).toEqual(none);
    expect(decodePoint({ attributes: [attribute('k', nest(32))] })).toEqual(none);
    const text = 'a'.repeat(64 * KIBIBYTE - 100);
    expect(decodePoint({ attributes: [attribute('k', { stringValue: text })] })).toEqual(none);
    expect(decodePoint({ bucketCounts: Array(4097).fill(1) }, 'histogram')).toEqual(none);
  });

  it('reject all points of a metric whose name is too long', () => {
    const name = 'n'.repeat(64 * KIBIBYTE + 1);
    expect(decodePoint({}, 'sum', { name })).toEqual({ points: 0, rejected: { name_too_long: 2 } });
  });

  it('reject all points of a resource with too many attributes', () => {
    const metric = { name: 'm', gauge: { dataPoints: [{}, {}, {}] } };
    const resource = { attributes: attributes(129) };
    expect(decodeMetrics({ resource, scopeMetrics: [{ metrics: [metric] }] })).toEqual({
      points: 0,
      rejected: { too_many_attributes: 3 },
    });
  });

  it('omit a description that is too long', () => {
    const description = 'd'.repeat(64 * KIBIBYTE + 1);
    expect(decodePoint({}, 'sum', { description })).toEqual({ points: 2, rejected: {} });
  });
});

describe('limits of a span', () => {
  it.each<[string, object]>([
    ['too_many_attributes', { attributes: attributes(129) }],
    ['too_many_attributes', { events: [{ attributes: attributes(129) }] }],
    ['attribute_too_long', { attributes: [attribute('k'.repeat(64 * KIBIBYTE + 1))] }],
    ['value_too_deep', { attributes: [attribute('k', nest(33))] }],
    ['invalid_span_id', { traceId: Buffer.alloc(16) }],
    ['invalid_span_id', { traceId: Buffer.alloc(8, 1) }],
    ['invalid_span_id', { spanId: Buffer.alloc(0) }],
  ])('reject it with the reason %s, and accept the next span', (reason, span) => {
    const { spans, rejected } = decodeSpan(span);
    expect({ spans, rejected: Object.fromEntries(rejected) }).toEqual({
      spans: 1,
      rejected: { [reason]: 1 },
    });
  });

  it('shorten its texts without cutting a character, and report how many', () => {
    const text = `a${'é'.repeat(40 * KIBIBYTE)}`;
    const { resources, shortenedTexts } = decodeSpan({
      name: text,
      attributes: [attribute('db.query.text', { stringValue: text })],
      events: [{ attributes: [attribute('exception.stacktrace', { stringValue: text })] }],
      status: { message: text },
    });
    const span = resources[0]?.scopes[0]?.spans[0];
    const expected = `a${'é'.repeat(32 * KIBIBYTE - 1)}`;
    expect(span?.name).toBe(expected);
    expect(span?.attributes['db.query.text']).toBe(expected);
    expect(span?.events[0]?.attributes['exception.stacktrace']).toBe(expected);
    expect(span?.statusMessage).toBe(expected);
    expect(shortenedTexts).toBe(4);
  });
});

describe('the limit of memory', () => {
  const MEBIBYTE = KIBIBYTE * KIBIBYTE;
  const repeat = (bytes: readonly number[], count: number) =>
    Buffer.alloc(bytes.length * count, Buffer.from(bytes));
  /** Writes a message with the content into nested fields with these numbers. */
  const wrap = (fields: readonly number[], content: Buffer): Buffer =>
    fields.reduceRight((inner, field) => {
      const header = Buffer.alloc(6, 0x80);
      header[0] = field * 8 + 2;
      for (let byte = 0, rest = inner.length; byte < 5; byte++, rest >>>= 7) {
        header[byte + 1] = (rest & 0x7f) | (byte < 4 ? 0x80 : 0);
      }
      return Buffer.concat([header, inner]);
    }, content);

  it.each<[string, Buffer]>([
    ['resources', repeat([0x0a, 0x00], 8 * MEBIBYTE)],
    ['metrics', wrap([1, 2], repeat([0x12, 0x00], 8 * MEBIBYTE))],
    ['points', wrap([1, 2, 2, 5], repeat([0x0a, 0x00], 8 * MEBIBYTE))],
    ['exemplars', wrap([1, 2, 2, 5, 1], repeat([0x2a, 0x00], 8 * MEBIBYTE))],
    ['histograms', wrap([1, 2, 2, 9], repeat([0x0a, 0x02, 0x32, 0x00], 4 * MEBIBYTE))],
  ])('rejects a request of millions of empty %s', (_name, body) => {
    const before = process.memoryUsage.rss();
    expect(() => decodeMetricsProtobuf(body)).toThrow(OtlpDecodeError);
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * MEBIBYTE);
  });

  it('applies to spans and events', () => {
    const spans = wrap([1, 2], repeat([0x12, 0x00], 8 * MEBIBYTE));
    const events = wrap([1, 2, 2], repeat([0x5a, 0x00], 8 * MEBIBYTE));
    expect(() => decodeTracesProtobuf(spans)).toThrow(/MiB/);
    expect(() => decodeTracesProtobuf(events)).toThrow(/MiB/);
  });

  it('applies to JSON before it is parsed', () => {
    const body = Buffer.from(`{"resourceMetrics":[${'{},'.repeat(5 * MEBIBYTE)}{}]}`);
    expect(() => decodeMetricsJson(body)).toThrow(/more than 96 MiB in memory/);
  });

  it('does not reject a large request with many points', () => {
    const points = Array.from({ length: 1000 }, (_, index) => ({
      timeUnixNano: '1764303600000000000',
      asDouble: index,
      attributes: attributes(6),
    }));
    const metric = encodeOfficially(MetricsRequest, {
      resourceMetrics: [
        { scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: points } }] }] },
      ],
    });
    // Repeated fields of a message are merged.
    const body = Buffer.concat(Array(130).fill(metric));
    expect(decodeMetricsProtobuf(body).points).toBe(130_000);
  });
});
