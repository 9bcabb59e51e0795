import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { type MetricRows, toMetricRows } from '../../src/agent/export/otel-metric-rows.ts';
import { HistogramRegistry } from '../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { createRandom } from '../../test/support/random.ts';
import { makeOrigin, QUEUE_COUNT, SERVICE_COUNT, type Series } from './metric-series.ts';

export const CYCLE_MS = 30_000;
const CYCLES_PER_QUARTER = 6;
/** Traffic in each quarter of the day, relative to the average. */
const TRAFFIC = [0.5, 0.9, 1.3, 0.9] as const;
const CYCLE_COUNT = CYCLES_PER_QUARTER * TRAFFIC.length;

/** Metrics of all services in one export cycle, and the durations that they were computed from. */
export interface Cycle {
  /** Collected metrics by service. */
  readonly collected: readonly ScopeMetrics[][];
  /** Durations in ms, in the order of the series. */
  readonly durations: readonly Float64Array[];
}

/** Returns the cycle for the `step`-th interval since the epoch, which starts at `ms`. */
export function getCycleIndex(step: number, ms: number): number {
  const quarter = Math.floor(new Date(ms).getUTCHours() / 6);
  return quarter * CYCLES_PER_QUARTER + (step % CYCLES_PER_QUARTER);
}

/** Returns `getCycleIndex` as an SQL expression. */
export const toCycleSql = (step: string, timestamp: string) =>
  `(hour(${timestamp}) / 6) * ${CYCLES_PER_QUARTER} + (${step} % ${CYCLES_PER_QUARTER})`;

/** Returns the offset at which a service exports within a cycle, in ms. */
export const getPhaseMs = (service: number) => service * Math.floor(CYCLE_MS / SERVICE_COUNT) + 137;

/**
 * Creates the cycles that the history repeats. They contain random durations, recorded with the
 * instrumentation's histograms.
 */
export function makeCycles(series: readonly Series[]): Cycle[] {
  const random = createRandom(7);
  return Array.from({ length: CYCLE_COUNT }, (_, i) => {
    const traffic = TRAFFIC[Math.floor(i / CYCLES_PER_QUARTER)]!;
    const durations = series.map(({ perCycle, medianMs, sigma }) => {
      const count = Math.max(1, Math.round(perCycle * traffic * (0.8 + 0.4 * random())));
      return Float64Array.from({ length: count }, () => {
        const slow = random() < 0.02 ? 4 : 1;
        return slow * medianMs * Math.exp(sigma * sampleNormal(random));
      });
    });
    const collected = Array.from({ length: SERVICE_COUNT }, (_, service) => [
      ...makeHistograms(service, series, durations),
      { scope: { name: 'bench' }, metrics: makeGauges(service, random) },
    ]);
    return { collected, durations };
  });
}

/** Returns the rows that a service exports for a cycle that ends at `endMs`. */
export function toCycleRows(
  { collected }: Cycle,
  service: number,
  endMs: number,
  instance?: number,
): MetricRows {
  const startTime: [number, number] = [Math.floor((endMs - CYCLE_MS) / 1000), (endMs % 1000) * 1e6];
  const endTime: [number, number] = [Math.floor(endMs / 1000), (endMs % 1000) * 1e6];
  const scopeMetrics = collected[service]!.map((scope) => ({
    ...scope,
    metrics: scope.metrics.map((metric) => {
      const dataPoints = metric.dataPoints.map((point) => ({ ...point, startTime, endTime }));
      return { ...metric, dataPoints } as MetricData;
    }),
  }));
  return toMetricRows(scopeMetrics, makeOrigin(service, instance));
}

/** Returns a sample of the standard normal distribution (Box-Muller transform). */
function sampleNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const METRICS = {
  http: 'http.server.request.duration',
  database: 'db.client.operation.duration',
  processing: 'messaging.process.duration',
  wait: 'perfscope.queue.wait.duration',
} as const;

function makeHistograms(
  service: number,
  series: readonly Series[],
  durations: readonly Float64Array[],
): ScopeMetrics[] {
  const histograms = new HistogramRegistry(() => {});
  const create = (name: string) =>
    histograms.create({ scope: name, name, unit: 's', description: '', boundaries: [] });
  const histogramOf = new Map(Object.values(METRICS).map((name) => [name, create(name)]));
  series.forEach((one, i) => {
    if (one.service !== service) return;
    const histogram = histogramOf.get(METRICS[one.metric])!;
    const errorAttributes =
      one.attributes['error.type'] === undefined ? {} : { 'error.type': '503' };
    for (const ms of durations[i]!) {
      histogram.record(ms / 1000, String(i), () => one.attributes, errorAttributes);
    }
  });
  return histograms.collectDelta(0);
}

function makeGauges(service: number, random: () => number): MetricData[] {
  const pool = { 'db.client.connection.pool.name': `db-${service}` };
  const connections = ['used', 'idle'].map((state) =>
    makePoint({ ...pool, 'db.client.connection.state': state }, Math.floor(10 * random())),
  );
  const gauges = [
    makeGauge('db.client.connection.count', '{connection}', connections),
    makeGauge('system.cpu.utilization', '1', [makePoint({}, random())]),
    makeGauge('nodejs.eventloop.delay.p99', 's', [makePoint({}, 0.02 * random())]),
  ];
  if (service >= QUEUE_COUNT) return gauges;
  const queue = { 'messaging.system': 'bullmq', 'messaging.destination.name': `queue-${service}` };
  const depths = ['waiting', 'active', 'delayed', 'failed'].map((state) =>
    makePoint({ ...queue, 'perfscope.job.state': state }, Math.floor(40 * random())),
  );
  return [
    ...gauges,
    makeGauge('perfscope.queue.depth', '{job}', depths),
    makeGauge('perfscope.queue.oldest.age', 's', [makePoint(queue, 60 * random())]),
    makeGauge('perfscope.queue.workers', '{worker}', [makePoint(queue, 4)]),
  ];
}

const ZERO_TIME: [number, number] = [0, 0];

function makePoint(attributes: Attributes, value: number) {
  return { startTime: ZERO_TIME, endTime: ZERO_TIME, attributes, value };
}

function makeGauge(
  name: string,
  unit: string,
  dataPoints: ReturnType<typeof makePoint>[],
): MetricData {
  return {
    descriptor: { name, unit, description: '', valueType: 1 },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.GAUGE,
    dataPoints,
  };
}
