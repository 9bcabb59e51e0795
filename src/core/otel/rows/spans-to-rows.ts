import { ExponentialHistogramAccumulator } from '../../histogram/histogram-accumulators.ts';
import { hashText } from '../../lazy-crypto.ts';
import { addCount, getOrCreate } from '../../maps.ts';
import type { ErrorLogRow } from '../../schema/tables/error-logs-table.ts';
import type { MappedSeries } from '../mapping/map-series.ts';
import { mapSeries } from '../mapping/map-series.ts';
import {
  type MappedResource,
  type MappingOptions,
  mapResource,
} from '../mapping/resource-mapping.ts';
import { shortenScope } from '../mapping/short-key.ts';
import { readTenantId } from '../mapping/tenant-attributes.ts';
import type { OtelAttributes, OtelScope } from '../metric-data.ts';
import type { SpanRow } from '../series/span-row-memory.ts';
import type { OtelResourceSpans, OtelSpan } from '../span-data.ts';
import { addExponentialHistogramRows, type MetricRowSink } from './point-rows.ts';
import {
  findTimeProblem,
  getValidTimes,
  type RejectReason,
  type ValidTimes,
} from './point-validation.ts';
import type { RequestSampleMemory } from './request-sample-memory.ts';
import { RequestSampleCollector } from './request-samples.ts';
import { SpanErrorCollector } from './span-errors.ts';
import { getSpanOperation, type SpanOperation } from './span-operation.ts';

/** Stores facts, and the rows of spans that depend on them. See `SeriesTransaction`. */
interface FactStore {
  noteFact(fact: string): void;
  hasFact(fact: string): boolean;
  noteSpanRow(row: Omit<SpanRow, 'kind' | 'seconds'>): void;
}

type SpanRejectReason =
  | Extract<RejectReason, 'invalid_timestamp' | 'too_old' | 'future_timestamp'>
  | 'invalid_span_id';

/**
 * Why a valid span isn't counted:
 * - `internal`: it is neither a request, nor a call, nor a message.
 * - `duplicate`: the request contains the span twice.
 * - `in_metric`: the process sends a metric that contains the span.
 */
type SpanIgnoreReason = 'internal' | 'duplicate' | 'in_metric';

export interface ConvertedSpans extends MetricRowSink {
  readonly errors: readonly ErrorLogRow[];
  readonly rejected: ReadonlyMap<SpanRejectReason, number>;
  readonly ignored: ReadonlyMap<SpanIgnoreReason, number>;
}

export interface SpanConverterOptions extends Omit<MappingOptions, 'senderOrganizationId'> {
  /** Older spans are rejected. */
  readonly retentionMs: number;
  /** Shared with the converter of the metrics of the same processes. By default, each request has its own. */
  readonly samples?: RequestSampleMemory | undefined;
}

export interface SpanContext {
  readonly transaction: FactStore;
  /** Organization of the sender's key. All rows are stored for it. */
  readonly senderOrganizationId?: string | undefined;
  readonly nowMs: number;
}

/** Spans that end in the same interval are counted in one row, in ms. */
const INTERVAL_MS = 10_000;
const NO_ID = /^0*$/;

/** Durations of the spans of one series in one interval. */
interface SpanGroup {
  readonly series: MappedSeries;
  readonly durations: ExponentialHistogramAccumulator;
  readonly spanIds: string[];
  startMs: number;
  endMs: number;
}

/** Converts spans to histograms, samples, and errors. Equal requests give equal rows. */
export class SpanConverter {
  readonly #options: SpanConverterOptions;

  constructor(options: SpanConverterOptions) {
    this.#options = options;
  }

  /** Converts the spans of one request. */
  convert(resources: readonly OtelResourceSpans[], context: SpanContext): ConvertedSpans {
    const options = { ...this.#options, senderOrganizationId: context.senderOrganizationId };
    const times = getValidTimes(context.nowMs, options.retentionMs);
    const batch = new SpanBatch(options, times);
    for (const { resource, scopes } of resources) {
      const mapped = mapResource(resource, options);
      for (const { scope, spans } of scopes) {
        const shortScope = shortenScope(scope);
        for (const span of spans) batch.add(mapped, shortScope, span);
      }
    }
    return batch.toRows(context.transaction);
  }
}

class SpanBatch {
  readonly #options: MappingOptions;
  readonly #times: ValidTimes;
  readonly #groups = new Map<string, SpanGroup>();
  readonly #series = new Map<string, MappedSeries>();
  readonly #samples: RequestSampleCollector;
  readonly #errors = new SpanErrorCollector();
  /** IDs of the spans of each resource. Different senders can choose the same ID. */
  readonly #spanIds = new Map<string, Set<string>>();
  readonly #rejected = new Map<SpanRejectReason, number>();
  readonly #ignored = new Map<SpanIgnoreReason, number>();

  constructor(options: Omit<SpanConverterOptions, 'retentionMs'>, times: ValidTimes) {
    this.#options = options;
    this.#samples = new RequestSampleCollector('span', options.samples);
    this.#times = times;
  }

  add(resource: MappedResource, scope: OtelScope, span: OtelSpan): void {
    const problem = this.#findProblem(span);
    if (problem) {
      addCount(this.#rejected, problem);
      return;
    }
    const id = `${span.traceId}${span.spanId}`;
    const { organization, property } = this.#options.tenantAttributes;
    const operation = getSpanOperation(span, [organization, property]);
    const known = getOrCreate(this.#spanIds, resource.key, () => new Set());
    if (known.has(id)) addCount(this.#ignored, 'duplicate');
    else if (!operation) addCount(this.#ignored, 'internal');
    else this.#addOperation(resource, scope, span, operation);
    known.add(id);
  }

  #addOperation(
    resource: MappedResource,
    scope: OtelScope,
    span: OtelSpan,
    { metricName, attributes, isRequest, isJob }: SpanOperation,
  ): void {
    const series = this.#getSeries(resource, scope, metricName, attributes);
    this.#addDuration(series, span);
    const user = span.attributes[this.#options.tenantAttributes.user];
    const userId = readTenantId(user, resource.userId);
    if (series.failed && (isRequest || isJob)) {
      this.#errors.add(resource, series, span, userId, isRequest ? 'request' : 'job');
    }
    if (!isRequest) return;
    const { traceId, spanId, startTimeMs, endTimeMs } = span;
    const durationMs = endTimeMs - startTimeMs;
    this.#samples.add({ resource, series, timeMs: endTimeMs, durationMs, traceId, spanId, userId });
  }

  toRows(transaction: FactStore): ConvertedSpans {
    const sink: MetricRowSink = { metrics: [], buckets: [] };
    for (const { series, durations, spanIds, startMs, endMs } of this.#groups.values()) {
      if (transaction.hasFact(series.metricFact)) {
        addCount(this.#ignored, 'in_metric', durations.count);
        continue;
      }
      const rows: MetricRowSink = { metrics: [], buckets: [] };
      const hash = hashText([series.hash, ...spanIds.toSorted()].join('\n'), 16);
      const point = { attributes: {}, startTimeMs: startMs, timeMs: endMs, ...durations.toPoint() };
      const row = addExponentialHistogramRows(rows, { ...series, hash }, point);
      // The row is blanked if the process also sends the metric.
      if (row) {
        transaction.noteSpanRow({
          ...{ fact: series.metricFact, timestamp: row.timestamp, id: row.id ?? '' },
          bucketUppers: rows.buckets.map(({ bucketUpper = 0 }) => bucketUpper),
        });
      }
      sink.metrics.push(...rows.metrics);
      sink.buckets.push(...rows.buckets);
    }
    sink.metrics.push(...this.#samples.toRows());
    return {
      ...sink,
      errors: this.#errors.toRows(),
      rejected: this.#rejected,
      ignored: this.#ignored,
    };
  }

  #findProblem({
    traceId,
    spanId,
    startTimeMs,
    endTimeMs,
  }: OtelSpan): SpanRejectReason | undefined {
    if (NO_ID.test(traceId) || NO_ID.test(spanId)) return 'invalid_span_id';
    if (!(startTimeMs > 0) || !(endTimeMs >= startTimeMs)) return 'invalid_timestamp';
    const times = { startTimeMs, timeMs: endTimeMs };
    return findTimeProblem(times, this.#times) as SpanRejectReason | undefined;
  }

  #getSeries(
    resource: MappedResource,
    scope: OtelScope,
    name: string,
    attributes: OtelAttributes,
  ): MappedSeries {
    const key = JSON.stringify([resource.key, scope.name, name, Object.entries(attributes)]);
    const known = this.#series.get(key);
    if (known) return known;
    const metric = { name, unit: 's', kind: 'histogram' } as const;
    const series = mapSeries(resource, scope, metric, attributes, this.#options);
    this.#series.set(key, series);
    return series;
  }

  #addDuration(series: MappedSeries, span: OtelSpan): void {
    const { startTimeMs, endTimeMs, traceId, spanId } = span;
    const key = `${series.hash} ${Math.floor(endTimeMs / INTERVAL_MS)}`;
    let group = this.#groups.get(key);
    if (!group) {
      group = {
        series,
        durations: new ExponentialHistogramAccumulator(),
        spanIds: [],
        startMs: startTimeMs,
        endMs: endTimeMs,
      };
      this.#groups.set(key, group);
    }
    group.durations.add((endTimeMs - startTimeMs) / 1000);
    group.spanIds.push(`${traceId}${spanId}`);
    group.startMs = Math.min(group.startMs, startTimeMs);
    group.endMs = Math.max(group.endMs, endTimeMs);
  }
}
