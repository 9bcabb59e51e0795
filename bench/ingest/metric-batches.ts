import { encodeMetricsRequest } from '../../src/core/otel/encode/otlp-encoder.ts';
import type {
  OtelAttributes,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
} from '../../src/core/otel/metric-data.ts';
import { createRandom } from '../../test/support/random.ts';

export const POINTS_PER_BATCH = 512;
/** 90 % of the points are numbers: 9 sums and 9 gauges with 25 or 26 points each. */
const NUMBER_METRICS = 18;
const HISTOGRAM_POINTS = 51;
const NUMBER_POINTS = POINTS_PER_BATCH - HISTOGRAM_POINTS;
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const METHODS = ['GET', 'POST', 'PUT'];
const STATUS_CODES = [200, 201, 404, 500];

/** The metrics of one process, with cumulative values that grow with each batch. */
export class MetricBatches {
  readonly #random: () => number;
  readonly #resource: OtelAttributes;
  /** Attributes by number of the series. The metrics of a process have the same attributes, unless they are distinct. */
  readonly #attributes: readonly OtelAttributes[];
  readonly #areDistinct: boolean;
  readonly #startTimeMs: number;
  readonly #totals = new Float64Array(NUMBER_POINTS);
  readonly #histograms = Array.from({ length: HISTOGRAM_POINTS }, () => ({
    sum: 0,
    bucketCounts: new Array<number>(BOUNDS.length + 1).fill(0),
  }));

  /**
   * @param instance number of the process. Processes of one service have the same attributes.
   * @param service name in `service.name`
   * @param areDistinct whether each series has other attributes. Default: the metrics have the same attributes.
   */
  constructor(instance: number, service: string, startTimeMs: number, areDistinct = false) {
    this.#random = createRandom(instance + 1);
    this.#startTimeMs = startTimeMs;
    this.#resource = {
      'service.name': service,
      'service.version': '2.4.1',
      'service.instance.id': `${service}-${instance}`,
      'deployment.environment.name': 'production',
      'host.name': `host-${instance % 20}`,
      'telemetry.sdk.language': 'nodejs',
    };
    this.#areDistinct = areDistinct;
    const count = areDistinct ? POINTS_PER_BATCH : HISTOGRAM_POINTS;
    this.#attributes = Array.from({ length: count }, (_, index) =>
      createAttributes(service, index),
    );
  }

  /** Returns the next batch, with 512 points of 6 attributes each. */
  next(timeMs: number): OtelResourceMetrics {
    const metrics: OtelMetric[] = [];
    for (let index = 0, first = 0; index < NUMBER_METRICS; index++) {
      const end = Math.round(((index + 1) * NUMBER_POINTS) / NUMBER_METRICS);
      metrics.push(this.#createNumbers(index, first, end, timeMs));
      first = end;
    }
    metrics.push({
      name: 'http.server.request.duration',
      description: 'Duration of HTTP server requests.',
      unit: 's',
      kind: 'histogram',
      temporality: 'cumulative',
      points: this.#histograms.map((_, index) => this.#createHistogram(index, timeMs)),
    });
    const scope = { name: 'bench', version: '1.0.0' };
    return { resource: this.#resource, scopes: [{ scope, metrics }] };
  }

  /** Returns the next batch as the body of a request. */
  nextBody(timeMs: number): Buffer {
    return encodeMetricsRequest([this.next(timeMs)]);
  }

  #createNumbers(index: number, first: number, end: number, timeMs: number): OtelMetric {
    const isSum = index % 2 === 0;
    const points: OtelNumberPoint[] = [];
    for (let series = first; series < end; series++) {
      const value = Math.round(this.#random() * 1000) / 8;
      this.#totals[series]! += value;
      points.push({
        attributes: this.#attributes[this.#areDistinct ? series : series - first]!,
        startTimeMs: isSum ? this.#startTimeMs : 0,
        timeMs,
        value: isSum ? this.#totals[series]! : value,
      });
    }
    const base = { name: `shop.metric.${index}`, unit: '1', description: `Metric ${index}.` };
    return isSum
      ? { ...base, kind: 'sum', temporality: 'cumulative', isMonotonic: true, points }
      : { ...base, kind: 'gauge', points };
  }

  /** From 1 to 10 buckets grow. */
  #createHistogram(index: number, timeMs: number): OtelHistogramPoint {
    const state = this.#histograms[index]!;
    const lastBucket = Math.floor(this.#random() * (BOUNDS.length + 1));
    for (let bucket = 0; bucket <= lastBucket; bucket++) {
      const added = 1 + Math.floor(this.#random() * 20);
      state.bucketCounts[bucket]! += added;
      state.sum += added * (BOUNDS[bucket] ?? 4) * 0.9;
    }
    return {
      attributes: this.#attributes[this.#areDistinct ? NUMBER_POINTS + index : index]!,
      startTimeMs: this.#startTimeMs,
      timeMs,
      count: state.bucketCounts.reduce((sum, count) => sum + count, 0),
      sum: state.sum,
      bounds: BOUNDS,
      bucketCounts: [...state.bucketCounts],
    };
  }
}

function createAttributes(service: string, index: number): OtelAttributes {
  return {
    'http.request.method': METHODS[index % METHODS.length],
    'http.route': `/api/${service}/resource-${index}`,
    'http.response.status_code': STATUS_CODES[index % STATUS_CODES.length],
    'server.address': `${service}.example.com`,
    'network.protocol.version': '1.1',
    'url.scheme': 'https',
  };
}

const SERVICES = 10;

/** Returns the processes of ten services. */
export function createInstances(count: number, startTimeMs: number): MetricBatches[] {
  return Array.from(
    { length: count },
    (_, instance) => new MetricBatches(instance, `bench-${instance % SERVICES}`, startTimeMs),
  );
}
