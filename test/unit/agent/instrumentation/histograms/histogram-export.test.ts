import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import { expect, it } from 'vitest';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import type { HistogramExportOptions } from '../../../../../src/agent/instrumentation/histograms/keyed-histogram.ts';
import { RequestHistogram } from '../../../../../src/agent/instrumentation/requests/request-histogram.ts';
import type { RequestState } from '../../../../../src/agent/instrumentation/requests/request-state.ts';

const OPTIONS = {
  scope: 'perfscope.http',
  name: 'http.server.request.duration',
  unit: 's',
  description: '',
  boundaries: [0.1, 1],
  abortedCounter: { name: 'perfscope.http.request.aborted', description: '' },
};
const GET = { method: 'GET', scheme: 'http', route: '/a', tenant: undefined } as RequestState;

function createExport(options: HistogramExportOptions) {
  const registry = new HistogramRegistry(() => {});
  const collect = registry.createExport(options);
  const requests = registry.register((...args) => new RequestHistogram(OPTIONS, ...args));
  const jobs = registry.create({ ...OPTIONS, name: 'jobs' });
  return {
    registry,
    record: (durationMs: number, status: number) =>
      requests.record(GET, {
        durationMs,
        firstByteMs: 1,
        status,
        aborted: status === 0,
        failed: status >= 500,
        eventLoopWaitMs: 0,
        parts: undefined,
      }),
    jobs,
    collect: (nowMs: number) =>
      collect(nowMs).flatMap(({ metrics }) =>
        metrics.flatMap(({ descriptor, aggregationTemporality, dataPointType, dataPoints }) =>
          dataPoints.map(({ attributes, startTime, endTime, value }) => ({
            name: descriptor.name,
            temporality: aggregationTemporality,
            type: dataPointType,
            attributes,
            startMs: startTime[0] * 1000 + startTime[1] / 1e6,
            endMs: endTime[0] * 1000 + endTime[1] / 1e6,
            value: value as unknown,
          })),
        ),
      ),
  };
}

it('exports one series per status with the error type', () => {
  const { record, collect } = createExport({ temporality: 'delta', aggregation: 'explicit' });
  record(50, 200);
  record(150, 200);
  record(2000, 503);
  record(1, 0);
  const common = { 'http.request.method': 'GET', 'url.scheme': 'http', 'http.route': '/a' };
  expect(collect(Date.now())).toMatchObject([
    {
      attributes: { ...common, 'http.response.status_code': 200 },
      type: DataPointType.HISTOGRAM,
      temporality: AggregationTemporality.DELTA,
      value: { count: 2, sum: 0.2, min: 0.05, max: 0.15, buckets: { counts: [1, 1, 0] } },
    },
    {
      attributes: { ...common, 'http.response.status_code': 503, 'error.type': '503' },
      value: { count: 1, sum: 2, buckets: { counts: [0, 0, 1] } },
    },
    { name: 'perfscope.http.request.aborted', attributes: common, value: 1 },
  ]);
});

it('exports deltas that follow one another', () => {
  const { record, collect, jobs } = createExport({
    temporality: 'delta',
    aggregation: 'exponential',
  });
  const startMs = Date.now();
  record(1000, 200);
  record(1, 0);
  jobs.record(3, 'a', () => ({}));
  const first = collect(startMs + 10_000);
  expect(
    first.map(({ name, value }) => [name, (value as { count?: number }).count ?? value]),
  ).toEqual([
    ['http.server.request.duration', 1],
    ['perfscope.http.request.aborted', 1],
    ['jobs', 1],
  ]);
  expect(collect(startMs + 20_000)).toEqual([]);
  record(4000, 200);
  const [point, ...others] = collect(startMs + 30_000);
  expect(others).toEqual([]);
  expect(point).toMatchObject({
    startMs: startMs + 20_000,
    endMs: startMs + 30_000,
    type: DataPointType.EXPONENTIAL_HISTOGRAM,
    value: { count: 1, sum: 4, scale: 3, positive: { bucketCounts: [1] } },
  });
});

it.each(['explicit', 'exponential'] as const)(
  'exports all values since the start with %s buckets, and leaves the deltas of rows unchanged',
  (aggregation) => {
    const { registry, record, collect } = createExport({ temporality: 'cumulative', aggregation });
    record(1000, 200);
    const nowMs = Date.now();
    const [first] = collect(nowMs + 1000);
    registry.collectDelta(nowMs + 1000);
    record(2000, 200);
    record(1, 0);
    const [second, aborted] = collect(nowMs + 2000);
    expect(first).toMatchObject({ value: { count: 1, sum: 1 } });
    expect(second).toMatchObject({
      startMs: first?.startMs,
      endMs: nowMs + 2000,
      temporality: AggregationTemporality.CUMULATIVE,
      value: { count: 2, sum: 3, min: 1, max: 2 },
    });
    expect(aborted).toMatchObject({ value: 1, temporality: AggregationTemporality.CUMULATIVE });
    const [{ metrics: [delta] = [] } = {}] = registry.collectDelta(nowMs + 2000);
    expect(delta?.dataPoints[0]?.value).toMatchObject({ count: 1, sum: 2 });
  },
);

it('exports over OTLP while Prometheus scrapes', async () => {
  const registry = new HistogramRegistry(() => {});
  const scrape = registry.createCumulativeProducer();
  const collect = registry.createExport({ temporality: 'delta', aggregation: 'exponential' });
  const jobs = registry.create({ ...OPTIONS, name: 'jobs' });
  const counts = [];
  for (let i = 0; i < 2; i++) {
    jobs.record(3, 'a', () => ({}));
    const [exported] = collect(Date.now());
    const [scraped] = (await scrape.collect()).resourceMetrics.scopeMetrics;
    for (const each of [exported, scraped]) {
      counts.push(each?.metrics[0]?.dataPoints[0]?.value);
    }
  }
  expect(counts).toMatchObject([{ count: 1 }, { count: 1 }, { count: 1 }, { count: 2 }]);
});
