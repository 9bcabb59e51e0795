import type {
  OtelExemplar,
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
  OtelScopeMetrics,
  OtelSummaryPoint,
} from '../../../core/otel/metric-data.ts';
import { NO_RECORDED_VALUE } from '../../../core/otel/otlp-enums.ts';
import { NO_ATTRIBUTES } from './attribute-set.ts';
import type { DecodeSession } from './decode-session.ts';
import { countPoints, type MetricData, toMetric } from './decoded-metric.ts';
import type { DecodeRejectReason } from './decoded-request.ts';
import { JsonAttributes } from './json-attributes.ts';
import type { JsonMessage } from './json-message.ts';
import { readJsonScope } from './json-scope.ts';
import { parseTraceContextId, SPAN_ID_BYTES, TRACE_ID_BYTES } from './trace-context-id.ts';

const DATA_FIELDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;
const TEMPORALITY_NAMES = [
  'AGGREGATION_TEMPORALITY_UNSPECIFIED',
  'AGGREGATION_TEMPORALITY_DELTA',
  'AGGREGATION_TEMPORALITY_CUMULATIVE',
];

type PointBase = Omit<OtelNumberPoint, 'value'>;

/** Reads an `ExportMetricsServiceRequest` in JSON. */
export class JsonMetrics {
  readonly #session: DecodeSession;
  readonly #attributes: JsonAttributes;
  /** Why a part of the current point exceeds a limit. */
  #fault: DecodeRejectReason | undefined;

  constructor(session: DecodeSession) {
    this.#session = session;
    this.#attributes = new JsonAttributes(session);
  }

  readRequest(request: JsonMessage): OtelResourceMetrics[] {
    const resources: OtelResourceMetrics[] = [];
    for (const message of request.messages('resourceMetrics')) {
      const resourceMessage = message.message('resource');
      const resource = resourceMessage
        ? this.#attributes.readShared(resourceMessage, 'attributes')
        : NO_ATTRIBUTES;
      const scopes = message.messages('scopeMetrics').map((scope) => this.#readScopeMetrics(scope));
      if (typeof resource === 'string') this.#session.reject(resource, countPoints(scopes));
      else resources.push({ resource, scopes });
    }
    return resources;
  }

  #readScopeMetrics(message: JsonMessage): OtelScopeMetrics {
    const metrics: OtelMetric[] = [];
    for (const metric of message.messages('metrics')) this.#readMetric(metric, metrics);
    return { scope: readJsonScope(message, this.#session), metrics };
  }

  #readMetric(message: JsonMessage, metrics: OtelMetric[]): void {
    const { maxStringBytes } = this.#session.limits;
    const name = message.text('name') ?? '';
    const unit = message.text('unit') ?? '';
    const description = message.text('description');
    const data = this.#readData(message);
    if (Buffer.byteLength(name) > maxStringBytes || Buffer.byteLength(unit) > maxStringBytes) {
      this.#session.reject('name_too_long', data?.points.length);
      return;
    }
    const isShort = description && Buffer.byteLength(description) <= maxStringBytes;
    metrics.push(toMetric({ name, unit, description: isShort ? description : undefined }, data));
  }

  #readData(metric: JsonMessage): MetricData | undefined {
    const kind = metric.oneOf(DATA_FIELDS);
    const message = kind && metric.message(kind);
    if (!message) return undefined;
    const points: object[] = [];
    for (const pointMessage of message.messages('dataPoints')) {
      this.#fault = undefined;
      const point = this.#readPoint(kind, pointMessage);
      if (this.#fault) this.#session.reject(this.#fault);
      else points.push(point);
    }
    return {
      kind,
      points,
      temporality: message.enumNumber('aggregationTemporality', TEMPORALITY_NAMES),
      isMonotonic: kind === 'sum' && message.bool('isMonotonic'),
    };
  }

  #readPoint(kind: MetricData['kind'], message: JsonMessage): object {
    const base = this.#readBase(message);
    if (kind === 'gauge' || kind === 'sum') return { ...base, value: readNumber(message) };
    if (kind === 'summary') return { ...base, ...this.#readSummary(message) };
    const totals = {
      count: message.uint64('count'),
      sum: message.double('sum'),
      min: message.double('min'),
      max: message.double('max'),
    };
    const buckets =
      kind === 'histogram' ? this.#readHistogram(message) : this.#readExponential(message);
    return { ...base, ...totals, ...buckets };
  }

  #readBase(message: JsonMessage): PointBase {
    const attributes = this.#attributes.readShared(message, 'attributes');
    if (typeof attributes === 'string') this.#fault ??= attributes;
    const hasNoValue = (message.uint32('flags') & NO_RECORDED_VALUE) !== 0 || undefined;
    return {
      attributes: typeof attributes === 'string' ? NO_ATTRIBUTES : attributes,
      startTimeMs: message.timeMs('startTimeUnixNano'),
      timeMs: message.timeMs('timeUnixNano'),
      exemplars: this.#readExemplars(message),
      hasNoValue,
    };
  }

  #readHistogram(message: JsonMessage): Pick<OtelHistogramPoint, 'bounds' | 'bucketCounts'> {
    this.#checkBuckets(message.list('bucketCounts'));
    this.#checkBuckets(message.list('explicitBounds'));
    return {
      bounds: message.doubles('explicitBounds'),
      bucketCounts: message.uint64s('bucketCounts'),
    };
  }

  #readExponential(
    message: JsonMessage,
  ): Pick<
    OtelExponentialHistogramPoint,
    'scale' | 'zeroCount' | 'zeroThreshold' | 'positive' | 'negative'
  > {
    return {
      scale: message.int32('scale'),
      zeroCount: message.uint64('zeroCount'),
      zeroThreshold: message.double('zeroThreshold') ?? 0,
      positive: this.#readBuckets(message.message('positive')),
      negative: this.#readBuckets(message.message('negative')),
    };
  }

  #readBuckets(message: JsonMessage | undefined): OtelExponentialHistogramPoint['positive'] {
    if (!message) return { offset: 0, bucketCounts: [] };
    this.#checkBuckets(message.list('bucketCounts'));
    return { offset: message.int32('offset'), bucketCounts: message.uint64s('bucketCounts') };
  }

  #readSummary(message: JsonMessage): Pick<OtelSummaryPoint, 'count' | 'sum' | 'quantiles'> {
    this.#checkBuckets(message.list('quantileValues'));
    return {
      count: message.uint64('count'),
      sum: message.double('sum') ?? 0,
      quantiles: message.messages('quantileValues').map((quantile) => ({
        quantile: quantile.double('quantile') ?? 0,
        value: quantile.double('value') ?? 0,
      })),
    };
  }

  #checkBuckets(list: readonly unknown[]): void {
    if (list.length > this.#session.limits.maxBuckets + 1) this.#fault ??= 'too_many_buckets';
  }

  #readExemplars(point: JsonMessage): OtelExemplar[] | undefined {
    if (!point.has('exemplars')) return undefined;
    return point.messages('exemplars').map((message) => {
      const attributes = this.#attributes.readShared(message, 'filteredAttributes');
      if (typeof attributes === 'string') this.#fault ??= attributes;
      return {
        timeMs: message.timeMs('timeUnixNano'),
        value: readNumber(message),
        traceId: parseTraceContextId(message.text('traceId'), TRACE_ID_BYTES),
        spanId: parseTraceContextId(message.text('spanId'), SPAN_ID_BYTES),
        ...(typeof attributes === 'object' && attributes !== NO_ATTRIBUTES && { attributes }),
      };
    });
  }
}

/** Reads the value of a `NumberDataPoint` or an `Exemplar`. NaN if none is set. */
function readNumber(message: JsonMessage): number {
  const field = message.oneOf(['asDouble', 'asInt']);
  if (field === 'asInt') return Number(message.int64(field));
  return message.double('asDouble') ?? Number.NaN;
}
