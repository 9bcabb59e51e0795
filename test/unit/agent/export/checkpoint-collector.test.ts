import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ErrorTracker } from '../../../../src/agent/error-tracking/error-tracker.ts';
import { CheckpointCollector } from '../../../../src/agent/export/checkpoint-collector.ts';
import { PerfscopeMetricExporter } from '../../../../src/agent/export/metric-exporter.ts';
import { HistogramRegistry } from '../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { RequestRecorder } from '../../../../src/agent/instrumentation/requests/request-recorder.ts';
import {
  RequestSampler,
  type SampledRequest,
} from '../../../../src/agent/instrumentation/requests/request-sampler.ts';
import type { AnyRow } from '../../../../src/core/schema/table-definition.ts';
import { type AddRows, getTable } from '../../../../src/core/schema/table-registry.ts';
import { StoredCheckpoint } from '../../../../src/storage/write/checkpoint-file.ts';
import { LineProtocolEncoder } from '../../../../src/storage/write/line-protocol-encoder.ts';
import { createTestRequestState } from '../../../support/request-measurements.ts';

const resource = { service: 'shop', instance: 'shop-1' };
const emptyMetrics = { resource: {} as never, scopeMetrics: [] };

let rows: Map<string, AnyRow[]>;
let histograms: HistogramRegistry;
let sampler: RequestSampler;
let tracker: ErrorTracker;
let exporter: PerfscopeMetricExporter;
let collector: CheckpointCollector;

beforeEach(() => {
  rows = new Map();
  const add: AddRows = (table, added) => {
    rows.set(table, [...(rows.get(table) ?? []), ...(added as readonly AnyRow[])]);
  };
  histograms = new HistogramRegistry(() => {});
  sampler = new RequestSampler();
  tracker = new ErrorTracker({ resource, add });
  exporter = new PerfscopeMetricExporter({
    resource,
    add,
    collectHistograms: () => {
      collector.startInterval();
      return histograms.collectDelta(Date.now());
    },
    sampler,
  });
  collector = new CheckpointCollector({
    resource,
    histograms,
    collectRows: () => [...exporter.encodeSamples(), ...tracker.encodeCountRows()],
  });
});
afterEach(() => vi.restoreAllMocks());

function record(values: number, routes: number): void {
  const histogram = getHistogram();
  for (let i = 0; i < values; i++) {
    const route = `/rooms/${i % routes}`;
    histogram.record(0.001 * (1 + (i % 97)), route, () => ({
      'http.route': route,
      ...(i % routes === 0 && { 'error.type': '500' }),
    }));
    const request = { timestampMs: 1, durationMs: i, method: 'GET', scheme: 'http', route };
    sampler.add({ ...request, status: 500 } as SampledRequest, i % 10 === 0);
    const error = { type: 'Error', message: 'failed', stack: undefined };
    tracker.track({ kind: 'request', level: 'error', error });
  }
}

let created: ReturnType<HistogramRegistry['create']> | undefined;
function getHistogram() {
  created ??= histograms.create({
    ...{ scope: 'perfscope.http', name: 'http.server.request.duration', unit: 's' },
    ...{ description: '', boundaries: [1] },
  });
  return created;
}
beforeEach(() => {
  created = undefined;
});

function readCheckpoint(): Map<string, readonly AnyRow[]> {
  const stored = new StoredCheckpoint(collector.collect() ?? [], 0);
  return new Map(stored.toChunks().map((chunk) => [chunk.table, chunk.rows]));
}

function endInterval(): void {
  exporter.export(emptyMetrics, () => {});
  tracker.addCountRows();
}

/** Rows without their times. */
function withoutTime(all: readonly AnyRow[] = []): unknown[] {
  return all
    .map((row) => JSON.parse(JSON.stringify({ ...row, timestamp: 0 })) as unknown)
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

it('has the rows that the end of the interval would store, with equal IDs', () => {
  record(1000, 7);
  const checkpoint = readCheckpoint();
  rows.clear();
  endInterval();
  expect([...checkpoint.keys()].sort()).toEqual([...rows.keys()].sort());
  for (const [table, stored] of rows) {
    expect(withoutTime(checkpoint.get(table))).toEqual(withoutTime(stored));
  }
  const count = rows.get('metric_buckets')?.reduce((sum, row) => sum + Number(row.count), 0);
  expect(count).toBe(1000);
});

it('has the rows of requests with several statuses, and of endpoints whose requests were aborted', () => {
  const recorder = new RequestRecorder({ histograms, sampler, onRequest: () => {} });
  const end = (route: string, status: number, isAborted = false) => {
    const state = { ...createTestRequestState({}), route, tenant: { organizationId: 'anna' } };
    state.startMs -= status / 10;
    recorder.end(state, isAborted ? 'clientClosed' : 'finished', status, false, undefined);
  };
  for (const status of [200, 204, 301, 404, 500, 503]) end('/rooms', status);
  end('/rooms', 200, true);
  end('/slow', 200, true);
  const checkpoint = readCheckpoint();
  rows.clear();
  endInterval();
  for (const table of ['performance_metrics', 'metric_buckets']) {
    expect(withoutTime(checkpoint.get(table))).toEqual(withoutTime(rows.get(table)));
  }
  const requests = rows
    .get('performance_metrics')
    ?.filter(({ metricType }) => metricType !== 'CUSTOM');
  expect(requests).toMatchObject([
    { endpoint: '/rooms', count: 6, errorCount: 2, abortedCount: 1, count2xx: 2, count5xx: 2 },
    { endpoint: '/slow', count: 0, abortedCount: 1 },
  ]);
  const sum = (column: string) =>
    rows.get('metric_buckets')?.reduce((total, row) => total + Number(row[column]), 0);
  expect([sum('count'), sum('errorCount')]).toEqual([6, 2]);
});

it('does not end the interval, and contains later values too', () => {
  record(500, 5);
  readCheckpoint();
  record(500, 10);
  const buckets = readCheckpoint().get('metric_buckets');
  // The limit of the CPU time can delay the second checkpoint.
  collector.startInterval();
  const later = readCheckpoint().get('metric_buckets') ?? buckets;
  expect(later?.reduce((sum, row) => sum + Number(row.count), 0)).toBe(1000);
});

it('is empty after the end of the interval', () => {
  record(100, 5);
  readCheckpoint();
  endInterval();
  expect(collector.collect()).toEqual([]);
});

it('excludes the rows of an interval that has ended', () => {
  record(1000, 7);
  const checkpoint = new StoredCheckpoint(collector.collect() ?? [], 0);
  rows.clear();
  endInterval();
  const encoder = new LineProtocolEncoder();
  for (const [table, stored] of rows) {
    const name = table as 'metric_buckets';
    checkpoint.excludeStored({ table: name, lines: encoder.encode(getTable(name), stored) });
  }
  expect(checkpoint.toChunks()).toEqual([]);
});

it('encodes again at most after 2,000 times the duration of a call, or in a new interval', () => {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  vi.spyOn(histograms, 'getOpenSeries').mockImplementation(() => {
    nowMs += 5;
    return [];
  });
  expect(collector.collect()).toEqual([]);
  nowMs += 9999;
  expect(collector.collect()).toBeUndefined();
  nowMs += 1;
  expect(collector.collect()).toEqual([]);
  expect(collector.collect()).toBeUndefined();
  endInterval();
  expect(collector.collect()).toEqual([]);
});
