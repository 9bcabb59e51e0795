import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
  OtelScopeMetrics,
  OtelSummaryPoint,
} from '../../../core/otel/metric-data.ts';
import { type AttributesResult, NO_ATTRIBUTES } from './attribute-set.ts';
import { type DecodeSession, OBJECT_BYTES } from './decode-session.ts';
import { countPoints, type MetricData, toMetric } from './decoded-metric.ts';
import { ProtobufAttributes } from './protobuf-attributes.ts';
import { readExponentialHistogramPoint, readHistogramPoint } from './protobuf-histograms.ts';
import { type PointResult, ProtobufPointParts } from './protobuf-point-parts.ts';
import { readNumberPoint, readSummaryPoint } from './protobuf-points.ts';
import type { MessageType, ProtobufReader } from './protobuf-reader.ts';
import { readResource, readScope } from './protobuf-resource.ts';

const REQUEST: MessageType = {
  name: 'ExportMetricsServiceRequest',
  fields: { 1: 'resource_metrics' },
};
const RESOURCE_METRICS: MessageType = {
  name: 'ResourceMetrics',
  fields: { 1: 'resource', 2: 'scope_metrics', 3: 'schema_url' },
};
const SCOPE_METRICS: MessageType = {
  name: 'ScopeMetrics',
  fields: { 1: 'scope', 2: 'metrics', 3: 'schema_url' },
};
const METRIC: MessageType = {
  name: 'Metric',
  fields: {
    1: 'name',
    2: 'description',
    3: 'unit',
    5: 'gauge',
    7: 'sum',
    9: 'histogram',
    10: 'exponential_histogram',
    11: 'summary',
  },
};
const DATA: MessageType = {
  name: 'Metric.data',
  fields: { 1: 'data_points', 2: 'aggregation_temporality', 3: 'is_monotonic' },
};
const DATA_POINTS: MessageType = { name: 'Metric.data', fields: { 1: 'data_points' } };

/** Reads an `ExportMetricsServiceRequest`. Each case is the tag of a field: number * 8 + wire type. */
export class ProtobufMetrics {
  readonly #reader: ProtobufReader;
  readonly #session: DecodeSession;
  readonly #attributes: ProtobufAttributes;
  readonly #parts: ProtobufPointParts;

  constructor(reader: ProtobufReader, session: DecodeSession) {
    this.#reader = reader;
    this.#session = session;
    this.#attributes = new ProtobufAttributes(reader, session);
    this.#parts = new ProtobufPointParts(reader, session, this.#attributes);
  }

  readRequest(): OtelResourceMetrics[] {
    const reader = this.#reader;
    const resources: OtelResourceMetrics[] = [];
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) this.#readResourceMetrics(resources);
      else reader.skip(tag, REQUEST);
    }
    return resources;
  }

  #readResourceMetrics(resources: OtelResourceMetrics[]): void {
    const reader = this.#reader;
    this.#session.spend(OBJECT_BYTES);
    const outerEnd = reader.startMessage();
    let resource: AttributesResult = NO_ATTRIBUTES;
    const scopes: OtelScopeMetrics[] = [];
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) resource = readResource(reader, this.#attributes, resource);
      else if (tag === 0x12) scopes.push(this.#readScopeMetrics());
      else if (tag === 0x1a) reader.skipLength();
      else reader.skip(tag, RESOURCE_METRICS);
    }
    reader.endMessage(outerEnd);
    if (typeof resource === 'string') this.#session.reject(resource, countPoints(scopes));
    else resources.push({ resource, scopes });
  }

  #readScopeMetrics(): OtelScopeMetrics {
    const reader = this.#reader;
    this.#session.spend(OBJECT_BYTES);
    const outerEnd = reader.startMessage();
    let scope = { name: '' };
    let schemaUrl: string | undefined;
    const metrics: OtelMetric[] = [];
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) scope = readScope(reader, this.#session, scope);
      else if (tag === 0x12) this.#readMetric(metrics);
      else if (tag === 0x1a) schemaUrl = reader.string(this.#session.limits.maxStringBytes);
      else reader.skip(tag, SCOPE_METRICS);
    }
    reader.endMessage(outerEnd);
    return { scope: { ...scope, schemaUrl: schemaUrl || undefined }, metrics };
  }

  #readMetric(metrics: OtelMetric[]): void {
    const reader = this.#reader;
    const { maxStringBytes } = this.#session.limits;
    this.#session.spend(OBJECT_BYTES);
    const outerEnd = reader.startMessage();
    let name: string | undefined = '';
    let unit: string | undefined = '';
    let description: string | undefined;
    let data: MetricData | undefined;
    while (reader.hasField) {
      const tag = reader.tag();
      switch (tag) {
        case 0x0a:
          name = reader.string(maxStringBytes);
          break;
        case 0x12:
          description = reader.string(maxStringBytes);
          break;
        case 0x1a:
          unit = reader.string(maxStringBytes);
          break;
        case 0x2a:
          data = startData(data, 'gauge');
          this.#readPoints(data, data.points as OtelNumberPoint[], readNumberPoint);
          break;
        case 0x3a:
          data = startData(data, 'sum');
          this.#readPoints(data, data.points as OtelNumberPoint[], readNumberPoint);
          break;
        case 0x4a:
          data = startData(data, 'histogram');
          this.#readPoints(data, data.points as OtelHistogramPoint[], readHistogramPoint);
          break;
        case 0x52:
          data = startData(data, 'exponentialHistogram');
          this.#readPoints(
            data,
            data.points as OtelExponentialHistogramPoint[],
            readExponentialHistogramPoint,
          );
          break;
        case 0x5a:
          data = startData(data, 'summary');
          this.#readPoints(data, data.points as OtelSummaryPoint[], readSummaryPoint);
          break;
        default:
          reader.skip(tag, METRIC);
      }
    }
    reader.endMessage(outerEnd);
    if (name === undefined || unit === undefined) {
      this.#session.reject('name_too_long', data?.points.length);
    } else metrics.push(toMetric({ name, unit, description: description || undefined }, data));
  }

  /** Reads a `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram`, or `Summary`. */
  #readPoints<P extends object>(
    data: MetricData,
    points: P[],
    read: (parts: ProtobufPointParts) => PointResult<P>,
  ): void {
    const reader = this.#reader;
    const outerEnd = reader.startMessage();
    const hasTemporality = data.kind !== 'gauge' && data.kind !== 'summary';
    while (reader.position < reader.end) {
      const tag = reader.tag();
      if (tag === 0x0a) {
        const point = read(this.#parts);
        if (typeof point === 'object') points.push(point);
        else this.#session.reject(point);
      } else if (tag === 0x10 && hasTemporality) data.temporality = reader.uint32();
      else if (tag === 0x18 && data.kind === 'sum') data.isMonotonic = reader.varint() !== 0;
      else reader.skip(tag, hasTemporality ? DATA : DATA_POINTS);
    }
    reader.endMessage(outerEnd);
  }
}

/** Returns the data of a metric, which is a `oneof`: the last kind counts, and repeated data of this kind is merged. */
function startData(previous: MetricData | undefined, kind: MetricData['kind']): MetricData {
  if (previous?.kind === kind) return previous;
  return { kind, points: [], temporality: 0, isMonotonic: false };
}
