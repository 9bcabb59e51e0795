import { hashText } from '../../lazy-crypto.ts';
import { getOrCreate } from '../../maps.ts';
import { createRequestSampleRow } from '../../request-sample-row.ts';
import { PerformanceMetricType } from '../../schema/enums.ts';
import type { PerformanceMetricRow } from '../../schema/tables/performance-metrics-table.ts';
import type { MappedSeries } from '../mapping/map-series.ts';
import type { MappedResource } from '../mapping/resource-mapping.ts';
import type { OtelExemplar } from '../metric-data.ts';
import {
  RequestSampleMemory,
  type SampleKeys,
  type SampleSource,
} from './request-sample-memory.ts';

/** As many as the agent keeps in an export interval. */
const MAX_SLOW_REQUESTS = 10;
const MAX_FAILED_REQUESTS = 10;

interface Candidate {
  readonly resource: MappedResource;
  readonly series: MappedSeries;
  readonly timeMs: number;
  readonly durationMs: number;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly userId: string | undefined;
}

/** Keeps the slowest and the last failed requests of each process in one request to the server. */
export class RequestSampleCollector {
  readonly #source: SampleSource;
  readonly #memory: RequestSampleMemory;
  readonly #slow = new Map<string, Candidate[]>();
  readonly #failed = new Map<string, Candidate[]>();

  /** @param memory samples of earlier requests to the server */
  constructor(source: SampleSource, memory = new RequestSampleMemory()) {
    this.#source = source;
    this.#memory = memory;
  }

  /** Adds a request. Ignores other series than requests. */
  add(candidate: Candidate): void {
    const { resource, series } = candidate;
    if (series.template.metricType !== PerformanceMetricType.API_RESPONSE_TIME) return;
    const slow = getOrCreate(this.#slow, resource.key, () => []);
    const index = slow.findIndex(({ durationMs }) => durationMs < candidate.durationMs);
    slow.splice(index < 0 ? slow.length : index, 0, candidate);
    if (slow.length > MAX_SLOW_REQUESTS) slow.pop();
    if (!series.failed) return;
    const failed = getOrCreate(this.#failed, resource.key, () => []);
    failed.push(candidate);
    if (failed.length > MAX_FAILED_REQUESTS) failed.shift();
  }

  /** Adds the exemplars of a point, which are requests with a trace. */
  addExemplars(
    resource: MappedResource,
    series: MappedSeries,
    { exemplars = [] }: { readonly exemplars?: readonly OtelExemplar[] | undefined },
  ): void {
    for (const { timeMs, value, traceId, spanId } of exemplars) {
      if (traceId === undefined || !(timeMs > 0) || !(value >= 0)) continue;
      const durationMs = value * series.factor;
      if (!Number.isFinite(durationMs)) continue;
      this.add({ resource, series, timeMs, durationMs, traceId, spanId, userId: resource.userId });
    }
  }

  toRows(): PerformanceMetricRow[] {
    const candidates = new Set([...this.#slow.values(), ...this.#failed.values()].flat());
    const rows: PerformanceMetricRow[] = [];
    for (const candidate of candidates) {
      const keys = this.#getKeys(candidate);
      if (keys) rows.push(toRow(candidate, keys));
    }
    return rows;
  }

  #getKeys({ resource, series, timeMs, traceId, spanId }: Candidate): SampleKeys | undefined {
    if (traceId !== undefined && spanId !== undefined) {
      return this.#memory.add(this.#source, { resource, traceId, spanId, timeMs });
    }
    const id = hashText(`${series.hash}\n${traceId}\n${spanId}\n${timeMs}`, 24);
    return { id, timestampMs: timeMs };
  }
}

function toRow(candidate: Candidate, { id, timestampMs }: SampleKeys): PerformanceMetricRow {
  const { resource, series, durationMs, traceId, userId } = candidate;
  const { endpoint, operation, organizationId, propertyId } = series.template;
  const { attributes } = series;
  const status = Number(attributes.get('http.response.status_code') ?? Number.NaN);
  const isStatusKnown = Number.isInteger(status);
  const errorType = attributes.get('error.type') ?? (isStatusKnown ? status : '_OTHER');
  return createRequestSampleRow(
    {
      ...{ timestampMs, durationMs, method: operation, route: endpoint, traceId },
      ...{ organizationId, propertyId, userId },
      scheme: toText(attributes.get('url.scheme')),
      status: isStatusKnown ? status : undefined,
      errorType: series.failed ? toText(errorType) : undefined,
    },
    resource.service,
    id,
  );
}

function toText(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}
