// Generators of OTLP messages in the form that protobufjs encodes: IDs are buffers, and 64-bit integers can be text.
import fc from 'fast-check';

/** Omits fields at random. */
const message = <T extends Record<string, fc.Arbitrary<unknown>>>(fields: T) =>
  fc.record(fields, { requiredKeys: [] });
const list = <T>(element: fc.Arbitrary<T>) => fc.array(element, { maxLength: 3 });
const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 8 }));
const double = fc.double();
const uint64 = fc.oneof(fc.nat(), fc.bigInt(0n, 2n ** 64n - 1n)).map(String);
const int64 = fc.oneof(fc.integer(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)).map(String);
const int32 = fc.integer();
const time = fc.oneof(
  fc.constant('0'),
  fc.bigInt(1_700_000_000_000_000_000n, 1_900_000_000_000_000_000n).map(String),
  uint64,
);
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
/** Some IDs have the wrong length, or consist of zeros. */
const id = (length: number) =>
  fc.oneof(
    { weight: 8, arbitrary: bytes(length) },
    { weight: 1, arbitrary: bytes(length - 1) },
    { weight: 1, arbitrary: fc.constant(Buffer.alloc(length)) },
  );

const { value: anyValue } = fc.letrec<{ value: object; keyValue: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(
      fc.constant({}),
      text.map((stringValue) => ({ stringValue })),
      fc.boolean().map((boolValue) => ({ boolValue })),
      int64.map((intValue) => ({ intValue })),
      double.map((doubleValue) => ({ doubleValue })),
      fc.uint8Array({ maxLength: 8 }).map((array) => ({ bytesValue: Buffer.from(array) })),
    ),
    list(tie('value')).map((values) => ({ arrayValue: { values } })),
    list(tie('keyValue')).map((values) => ({ kvlistValue: { values } })),
  ),
  keyValue: fc.record({ key: text, value: tie('value') }, { requiredKeys: [] }),
}));
const attributes = list(
  message({
    key: fc.oneof(text, fc.constantFrom('a', 'b', '__proto__', 'constructor')),
    value: anyValue,
  }),
);

const exemplar = fc.oneof(
  message({
    filteredAttributes: attributes,
    timeUnixNano: time,
    asDouble: double,
    spanId: id(8),
    traceId: id(16),
  }),
  message({ timeUnixNano: time, asInt: int64 }),
);
const point = {
  attributes,
  startTimeUnixNano: time,
  timeUnixNano: time,
  exemplars: list(exemplar),
  flags: fc.constantFrom(0, 1, 2, 3),
};
const totals = { count: uint64, sum: double, min: double, max: double };
const buckets = message({ offset: int32, bucketCounts: list(uint64) });
const dataPoints = {
  number: list(
    fc.oneof(message({ ...point, asDouble: double }), message({ ...point, asInt: int64 })),
  ),
  histogram: list(
    message({ ...point, ...totals, bucketCounts: list(uint64), explicitBounds: list(double) }),
  ),
  exponential: list(
    message({
      ...point,
      ...totals,
      scale: int32,
      zeroCount: uint64,
      zeroThreshold: double,
      positive: buckets,
      negative: buckets,
    }),
  ),
  summary: list(
    message({
      ...point,
      exemplars: fc.constant([]),
      count: uint64,
      sum: double,
      quantileValues: list(message({ quantile: double, value: double })),
    }),
  ),
};
const aggregationTemporality = fc.constantFrom(0, 1, 2, 7);
const data = fc.oneof(
  fc.constant({}),
  message({ dataPoints: dataPoints.number }).map((gauge) => ({ gauge })),
  message({ dataPoints: dataPoints.number, aggregationTemporality, isMonotonic: fc.boolean() }).map(
    (sum) => ({ sum }),
  ),
  message({ dataPoints: dataPoints.histogram, aggregationTemporality }).map((histogram) => ({
    histogram,
  })),
  message({ dataPoints: dataPoints.exponential, aggregationTemporality }).map(
    (exponentialHistogram) => ({
      exponentialHistogram,
    }),
  ),
  message({ dataPoints: dataPoints.summary }).map((summary) => ({ summary })),
);
const metric = fc
  .tuple(message({ name: text, description: text, unit: text, metadata: attributes }), data)
  .map(([base, kind]) => ({ ...base, ...kind }));

const resource = message({
  attributes,
  droppedAttributesCount: fc.nat(),
  entityRefs: list(message({ type: text, idKeys: list(text) })),
});
const scope = message({ name: text, version: text, attributes, droppedAttributesCount: fc.nat() });

/** An `ExportMetricsServiceRequest`. */
export const metricsRequest = message({
  resourceMetrics: list(
    message({
      resource,
      scopeMetrics: list(message({ scope, metrics: list(metric), schemaUrl: text })),
      schemaUrl: text,
    }),
  ),
});

const event = message({
  timeUnixNano: time,
  name: text,
  attributes,
  droppedAttributesCount: fc.nat(),
});
const link = message({
  traceId: id(16),
  spanId: id(8),
  traceState: text,
  attributes,
  flags: fc.nat(),
});
const span = message({
  traceId: id(16),
  spanId: id(8),
  traceState: text,
  parentSpanId: id(8),
  flags: fc.nat(),
  name: text,
  kind: fc.constantFrom(0, 1, 2, 3, 4, 5, 9),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  attributes,
  droppedAttributesCount: fc.nat(),
  events: list(event),
  links: list(link),
  status: message({ message: text, code: fc.constantFrom(0, 1, 2, 5) }),
});

/** An `ExportTraceServiceRequest`. */
export const tracesRequest = message({
  resourceSpans: list(
    message({
      resource,
      scopeSpans: list(message({ scope, spans: list(span), schemaUrl: text })),
      schemaUrl: text,
    }),
  ),
});
