import { DEFAULT_TENANT_ATTRIBUTES } from '../../src/core/otel/mapping/tenant-attributes.ts';
import { MetricConverter } from '../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../src/core/otel/series/cumulative-series.ts';
import { decodeMetricsProtobuf } from '../../src/server/otlp/decode/decode-protobuf.ts';
import { median } from '../report.ts';
import { createInstances, POINTS_PER_BATCH } from './metric-batches.ts';

const START_TIME_MS = Date.now() - 60_000;

/** CPU times in µs per point. */
export interface ConversionCost {
  /** Decoding, conversion of cumulative values to deltas, mapping to rows, and encoding of the last points. */
  total: number;
  decoding: number;
}

/**
 * Measures the CPU time from the body of a request to rows. The bodies are encoded before the measurement.
 *
 * @param rounds number of requests per process of the sender. The first two are a warm-up and are not counted.
 */
export function measureConversion(instances: number, rounds: number): ConversionCost {
  const senders = createInstances(instances, START_TIME_MS);
  const converter = new MetricConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 30 * 86_400_000,
    thresholds: { responseTimeWarning: 2000, responseTimeCritical: 5000, errorRate: 5 },
  });
  const series = new CumulativeSeries({ sinceMs: START_TIME_MS });
  const costs: ConversionCost[] = [];
  for (let round = 0; round < rounds + 2; round++) {
    const nowMs = START_TIME_MS + (round + 1) * 1000;
    const bodies = senders.map((sender) => sender.nextBody(nowMs));
    const points = bodies.length * POINTS_PER_BATCH;
    const decoding = measureMicros(() =>
      bodies.forEach((body) => void decodeMetricsProtobuf(body)),
    );
    let rows = 0;
    const total = measureMicros(() => {
      for (const body of bodies) {
        const transaction = series.begin(nowMs);
        const { resources } = decodeMetricsProtobuf(body);
        rows += converter.convert(resources, { transaction, nowMs }).metrics.length;
        transaction.encode();
        transaction.commit();
      }
    });
    if (rows !== points) throw new Error(`expected ${points} rows, found ${rows}`);
    if (round >= 2) costs.push({ total: total / points, decoding: decoding / points });
  }
  return {
    total: median(costs.map(({ total }) => total)),
    decoding: median(costs.map(({ decoding }) => decoding)),
  };
}

function measureMicros(run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}
