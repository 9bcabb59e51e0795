import { ProtobufWriter } from '../../protobuf/protobuf-writer.ts';
import type {
  OtelAttributes,
  OtelAttributeValue,
  OtelExemplar,
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
  OtelScopeMetrics,
  OtelSummaryPoint,
} from '../metric-data.ts';
import { NO_RECORDED_VALUE, TEMPORALITY_NUMBERS } from '../otlp-enums.ts';
import { toUnixNano } from '../unix-nano.ts';

/** Fields of `Metric` that contain the points. */
const DATA_FIELDS = {
  gauge: 5,
  sum: 7,
  histogram: 9,
  exponentialHistogram: 10,
  summary: 11,
} as const;

/**
 * Encodes an `ExportMetricsServiceRequest` in protobuf. The field numbers are from
 * https://github.com/open-telemetry/opentelemetry-proto.
 *
 * @throws RangeError if a time isn't from 0 to 2⁴⁴ ms, or a count isn't from 0 to 2⁶⁴
 */
export function encodeMetricsRequest(resources: readonly OtelResourceMetrics[]): Buffer {
  const writer = new ProtobufWriter();
  for (const { resource, scopes } of resources) {
    const start = writer.startMessage(1);
    const resourceStart = writer.startMessage(1);
    writeAttributes(writer, 1, resource);
    writer.endMessage(resourceStart);
    for (const scope of scopes) writeScopeMetrics(writer, scope);
    writer.endMessage(start);
  }
  return writer.finish();
}

function writeScopeMetrics(writer: ProtobufWriter, { scope, metrics }: OtelScopeMetrics): void {
  const start = writer.startMessage(2);
  const scopeStart = writer.startMessage(1);
  writeText(writer, 1, scope.name);
  writeText(writer, 2, scope.version);
  writer.endMessage(scopeStart);
  for (const metric of metrics) writeMetric(writer, metric);
  writeText(writer, 3, scope.schemaUrl);
  writer.endMessage(start);
}

function writeMetric(writer: ProtobufWriter, metric: OtelMetric): void {
  const start = writer.startMessage(2);
  writeText(writer, 1, metric.name);
  writeText(writer, 2, metric.description);
  writeText(writer, 3, metric.unit);
  if (metric.kind !== 'empty') {
    const data = writer.startMessage(DATA_FIELDS[metric.kind]);
    writeData(writer, metric);
    writer.endMessage(data);
  }
  writer.endMessage(start);
}

function writeData(writer: ProtobufWriter, metric: Exclude<OtelMetric, { kind: 'empty' }>): void {
  if (metric.kind === 'gauge') writePoints(writer, metric.points, writeNumberPoint);
  else if (metric.kind === 'summary') writePoints(writer, metric.points, writeSummaryPoint);
  else {
    if (metric.kind === 'sum') writePoints(writer, metric.points, writeNumberPoint);
    else if (metric.kind === 'histogram') writePoints(writer, metric.points, writeHistogramPoint);
    else writePoints(writer, metric.points, writeExponentialHistogramPoint);
    writer.uint32(2, TEMPORALITY_NUMBERS[metric.temporality]);
    if (metric.kind === 'sum' && metric.isMonotonic) writer.bool(3, true);
  }
}

function writePoints<P>(
  writer: ProtobufWriter,
  points: readonly P[],
  write: (writer: ProtobufWriter, point: P) => void,
): void {
  for (const point of points) {
    const start = writer.startMessage(1);
    write(writer, point);
    writer.endMessage(start);
  }
}

function writeNumberPoint(writer: ProtobufWriter, point: OtelNumberPoint): void {
  writeTimes(writer, point);
  if (!point.hasNoValue) writer.double(4, point.value);
  writeExemplars(writer, 5, point.exemplars);
  writeAttributes(writer, 7, point.attributes);
  if (point.hasNoValue) writer.uint32(8, NO_RECORDED_VALUE);
}

function writeHistogramPoint(writer: ProtobufWriter, point: OtelHistogramPoint): void {
  writeTimes(writer, point);
  writer.fixed64(4, point.count);
  writeOptionalDouble(writer, 5, point.sum);
  writer.packedFixed64(6, point.bucketCounts);
  writer.packedDoubles(7, point.bounds);
  writeExemplars(writer, 8, point.exemplars);
  writeAttributes(writer, 9, point.attributes);
  if (point.hasNoValue) writer.uint32(10, NO_RECORDED_VALUE);
  writeOptionalDouble(writer, 11, point.min);
  writeOptionalDouble(writer, 12, point.max);
}

function writeExponentialHistogramPoint(
  writer: ProtobufWriter,
  point: OtelExponentialHistogramPoint,
): void {
  writeAttributes(writer, 1, point.attributes);
  writeTimes(writer, point);
  writer.fixed64(4, point.count);
  writeOptionalDouble(writer, 5, point.sum);
  writer.sint32(6, point.scale);
  writer.fixed64(7, point.zeroCount);
  for (const [field, { offset, bucketCounts }] of [
    [8, point.positive],
    [9, point.negative],
  ] as const) {
    const start = writer.startMessage(field);
    writer.sint32(1, offset);
    writer.packedUint64(2, bucketCounts);
    writer.endMessage(start);
  }
  if (point.hasNoValue) writer.uint32(10, NO_RECORDED_VALUE);
  writeExemplars(writer, 11, point.exemplars);
  writeOptionalDouble(writer, 12, point.min);
  writeOptionalDouble(writer, 13, point.max);
  writeOptionalDouble(writer, 14, point.zeroThreshold);
}

function writeSummaryPoint(writer: ProtobufWriter, point: OtelSummaryPoint): void {
  writeTimes(writer, point);
  writer.fixed64(4, point.count);
  writer.double(5, point.sum);
  for (const { quantile, value } of point.quantiles) {
    const start = writer.startMessage(6);
    writer.double(1, quantile);
    writer.double(2, value);
    writer.endMessage(start);
  }
  writeAttributes(writer, 7, point.attributes);
  if (point.hasNoValue) writer.uint32(8, NO_RECORDED_VALUE);
}

function writeTimes(
  writer: ProtobufWriter,
  { startTimeMs, timeMs }: Pick<OtelNumberPoint, 'startTimeMs' | 'timeMs'>,
): void {
  if (startTimeMs !== 0) writeTime(writer, 2, startTimeMs);
  writeTime(writer, 3, timeMs);
}

function writeTime(writer: ProtobufWriter, field: number, timeMs: number): void {
  const { high, low } = toUnixNano(timeMs);
  writer.fixed64Parts(field, high, low);
}

function writeExemplars(
  writer: ProtobufWriter,
  field: number,
  exemplars: readonly OtelExemplar[] | undefined,
): void {
  if (!exemplars) return;
  for (const exemplar of exemplars) {
    const start = writer.startMessage(field);
    writeTime(writer, 2, exemplar.timeMs);
    writer.double(3, exemplar.value);
    if (exemplar.spanId) writer.bytes(4, Buffer.from(exemplar.spanId, 'hex'));
    if (exemplar.traceId) writer.bytes(5, Buffer.from(exemplar.traceId, 'hex'));
    if (exemplar.attributes) writeAttributes(writer, 7, exemplar.attributes);
    writer.endMessage(start);
  }
}

function writeText(writer: ProtobufWriter, field: number, text: string | undefined): void {
  if (text) writer.string(field, text);
}

function writeOptionalDouble(
  writer: ProtobufWriter,
  field: number,
  value: number | undefined,
): void {
  if (value !== undefined) writer.double(field, value);
}

/** Writes a repeated field of type `KeyValue`. */
function writeAttributes(writer: ProtobufWriter, field: number, attributes: OtelAttributes): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    const start = writer.startMessage(field);
    writer.string(1, key);
    const valueStart = writer.startMessage(2);
    writeValue(writer, value);
    writer.endMessage(valueStart);
    writer.endMessage(start);
  }
}

/** Writes the fields of an `AnyValue`. */
function writeValue(writer: ProtobufWriter, value: OtelAttributeValue | null | undefined): void {
  if (typeof value === 'string') writer.string(1, value);
  else if (typeof value === 'boolean') writer.bool(2, value);
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.int64(3, value);
    else writer.double(4, value);
  } else if (value) {
    const array = writer.startMessage(5);
    for (const element of value) {
      const start = writer.startMessage(1);
      writeValue(writer, element);
      writer.endMessage(start);
    }
    writer.endMessage(array);
  }
}
