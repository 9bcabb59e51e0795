import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitJson } from '../../../../src/server/otlp/split-json.ts';

const points = fc.array(fc.record({ asInt: fc.nat(), bucketCounts: fc.array(fc.nat()) }));
const name = fc.string();
const metric = fc.oneof(
  fc.record({ name, sum: fc.record({ isMonotonic: fc.boolean(), dataPoints: points }) }),
  fc.record({ name, histogram: fc.record({ dataPoints: points }) }),
  // These stay whole.
  fc.record({ name, gauge: fc.constantFrom(null, 5, [], {}) }),
  fc.record({ name, gauge: fc.record({ dataPoints: points }), sum: fc.constant({}) }),
  fc.constantFrom(null, 5, 'x', []),
);
const scope = fc.oneof(fc.record({ scope: name, metrics: fc.array(metric) }), fc.constant(7));
const resource = fc.oneof(
  fc.record({ resource: name, scopeMetrics: fc.array(scope) }),
  fc.record({ scopeMetrics: fc.constantFrom(null, 'x') }),
);
const request = fc.oneof(
  fc.record({ resourceMetrics: fc.array(resource) }),
  fc.constantFrom(null, 1, 'x', [], {}, { resourceMetrics: 5 }),
);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns the values in the lists of a request, each with the other fields of the messages that contain it. */
function flatten(value: unknown, fields: readonly (readonly string[])[], path = ''): string[] {
  const [names, ...rest] = fields;
  const present = isObject(value) ? (names ?? []).filter((field) => field in value) : [];
  const [field = ''] = present;
  const inner = isObject(value) ? value[field] : undefined;
  const isExpected = rest.length === 0 ? isObject(inner) : Array.isArray(inner);
  const list = rest.length === 0 && isObject(inner) ? inner.dataPoints : inner;
  if (present.length !== 1 || !isExpected || !Array.isArray(list)) {
    return [path + JSON.stringify(value)];
  }
  const others = JSON.stringify({
    ...(value as object),
    [field]: isObject(inner) ? { ...inner, dataPoints: [] } : [],
  });
  return list.flatMap((each) =>
    rest.length === 0 ? [path + others + JSON.stringify(each)] : flatten(each, rest, path + others),
  );
}

const FIELDS = [
  ['resourceMetrics'],
  ['scopeMetrics'],
  ['metrics'],
  ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
];

it('parts contain the same data in the same order, and messages of another form', () => {
  fc.assert(
    fc.property(request, fc.integer({ min: 1, max: 20 }), (value, maxWeight) => {
      const parts = [...splitJson('metrics', value, maxWeight)];
      expect(parts.flatMap((part) => flatten(part, FIELDS))).toEqual(flatten(value, FIELDS));
    }),
  );
});

it('divides the spans of one scope, and repeats the resource and the scope', () => {
  const spans = [1, 2, 3, 4, 5].map((spanId) => ({ spanId, attributes: Array(32).fill(0) }));
  const wrap = (some: readonly object[]) => ({
    resourceSpans: [{ resource: 'r', scopeSpans: [{ scope: 's', spans: some }] }],
  });
  // A span with 32 attributes has the weight 3.
  expect([...splitJson('traces', wrap(spans), 6)]).toEqual([
    wrap(spans.slice(0, 2)),
    wrap(spans.slice(2, 4)),
    wrap(spans.slice(4)),
  ]);
});
