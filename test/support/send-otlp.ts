import { encodeMetricsRequest } from '../../src/core/otel/encode/otlp-encoder.ts';
import type {
  OtelAttributes,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
} from '../../src/core/otel/metric-data.ts';

export interface OtlpResult {
  readonly status: number;
  readonly retryAfter: string | null;
  /** Parsed JSON, or the text of another encoding. */
  readonly body: unknown;
}

/** Sends an OTLP request. The default content type is JSON for an object, and otherwise protobuf. */
export async function sendOtlp(
  url: string,
  data: Buffer | object,
  { path = '/v1/metrics', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<OtlpResult> {
  const isBuffer = Buffer.isBuffer(data);
  const response = await fetch(url + path, {
    method: 'POST',
    headers: {
      'content-type': isBuffer ? 'application/x-protobuf' : 'application/json',
      ...headers,
    },
    body: isBuffer ? new Uint8Array(data) : JSON.stringify(data),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: isJson ? JSON.parse(text) : text,
  };
}

/** Returns the metrics of one process. */
function createResource(
  resource: OtelAttributes,
  ...metrics: readonly OtelMetric[]
): OtelResourceMetrics {
  const scopes = [{ scope: { name: 'test' }, metrics }];
  return { resource: { 'service.instance.id': 'test-1', ...resource }, scopes };
}

/** Encodes the metrics of one process as a request in protobuf. */
export function encodeMetrics(resource: OtelAttributes, ...metrics: readonly OtelMetric[]): Buffer {
  return encodeMetricsRequest([createResource(resource, ...metrics)]);
}

type NumberPoint = Partial<OtelNumberPoint> & Pick<OtelNumberPoint, 'value' | 'timeMs'>;

/** A counter. Default: delta. */
export function createSum(
  name: string,
  points: readonly NumberPoint[],
  temporality: 'delta' | 'cumulative' | 'unspecified' = 'delta',
): OtelMetric {
  return {
    ...{ name, unit: '1', kind: 'sum', temporality, isMonotonic: true },
    points: points.map((point) => ({ attributes: {}, startTimeMs: point.timeMs - 1000, ...point })),
  };
}

export function createGauge(name: string, points: readonly NumberPoint[]): OtelMetric {
  return {
    ...{ name, unit: '1', kind: 'gauge' },
    points: points.map((point) => ({ attributes: {}, startTimeMs: 0, ...point })),
  };
}

export function createHistogram(
  name: string,
  points: readonly (Partial<OtelHistogramPoint> & Pick<OtelHistogramPoint, 'timeMs'>)[],
  temporality: 'delta' | 'cumulative' = 'delta',
): OtelMetric {
  return {
    ...{ name, unit: 's', kind: 'histogram', temporality },
    points: points.map((point) => ({
      ...{ attributes: {}, startTimeMs: point.timeMs - 1000 },
      ...{ count: 2, sum: 0.3, bounds: [0.1, 1], bucketCounts: [1, 1, 0] },
      ...point,
    })),
  };
}
