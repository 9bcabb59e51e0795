import type { HealthThresholds } from '../../health-status.ts';
import type { SystemHealthRow } from '../../schema/tables/system-health-table.ts';
import { type MappingOptions, mapResource } from '../mapping/resource-mapping.ts';
import { SeriesCache } from '../mapping/series-cache.ts';
import type { OtelResourceMetrics } from '../metric-data.ts';
import type { SeriesTransaction } from '../series/cumulative-to-delta.ts';
import { blankSpanRows } from './blank-span-rows.ts';
import { HealthRowMerger } from './health-row-merger.ts';
import { HealthCollector } from './health-rows.ts';
import type { MetricRowSink } from './point-rows.ts';
import { getValidTimes, type RejectReason } from './point-validation.ts';
import type { RequestSampleMemory } from './request-sample-memory.ts';
import { RequestSampleCollector } from './request-samples.ts';
import { type IgnoreReason, type RequestRows, ResourceConverter } from './resource-converter.ts';

export interface ConvertedMetrics extends MetricRowSink {
  readonly health: readonly SystemHealthRow[];
  /** Number of invalid points by reason. */
  readonly rejected: ReadonlyMap<RejectReason, number>;
  /** Name of the first rejected metric by reason. */
  readonly rejectedNames: ReadonlyMap<RejectReason, string>;
  /** Number of valid points without rows by reason. */
  readonly ignored: ReadonlyMap<IgnoreReason, number>;
}

export interface MetricConverterOptions extends Omit<MappingOptions, 'senderOrganizationId'> {
  /** Older points are rejected. */
  readonly retentionMs: number;
  readonly thresholds: HealthThresholds;
  /** Shared with the converter of the spans of the same processes. By default, each request has its own. */
  readonly samples?: RequestSampleMemory | undefined;
}

export interface ConversionContext {
  readonly transaction: SeriesTransaction;
  /** Organization of the sender's key. All rows are stored for it. */
  readonly senderOrganizationId?: string | undefined;
  readonly nowMs: number;
}

/** Converts OpenTelemetry metrics to rows. Equal requests give equal rows. */
export class MetricConverter {
  readonly #options: MetricConverterOptions;
  readonly #cache = new SeriesCache();
  readonly #merger = new HealthRowMerger();

  constructor(options: MetricConverterOptions) {
    this.#options = options;
  }

  /** Converts the metrics of one request. One invalid point doesn't affect the others. */
  convert(
    resources: readonly OtelResourceMetrics[],
    { transaction, senderOrganizationId, nowMs }: ConversionContext,
  ): ConvertedMetrics {
    const request: RequestRows = {
      transaction,
      options: { ...this.#options, senderOrganizationId },
      times: getValidTimes(nowMs, this.#options.retentionMs),
      sink: { metrics: [], buckets: [] },
      samples: new RequestSampleCollector('exemplar', this.#options.samples),
      firstStarts: new Map(),
      rejected: new Map(),
      rejectedNames: new Map(),
      ignored: new Map(),
    };
    const health: SystemHealthRow[] = [];
    for (const each of resources) {
      const resource = mapResource(each.resource, request.options);
      const collector = new HealthCollector(resource);
      const converter = new ResourceConverter(request, resource, collector, this.#cache);
      converter.convert(each);
      collector.addUsageRows(request.sink);
      // Rows about hosts have no tenant, so a sender with a key of an organization can't write them.
      if (senderOrganizationId !== undefined) continue;
      for (const part of collector.toParts()) {
        const row = this.#merger.merge(part, this.#options.thresholds);
        if (row) health.push(row);
      }
    }
    const { sink, samples, firstStarts, rejected, rejectedNames, ignored } = request;
    for (const [fact, startMs] of firstStarts) {
      blankSpanRows(sink, transaction.getSpanRows(fact), startMs);
    }
    sink.metrics.push(...samples.toRows());
    return { ...sink, health, rejected, rejectedNames, ignored };
  }
}
