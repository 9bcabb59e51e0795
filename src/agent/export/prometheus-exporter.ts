import { createServer, type Server } from 'node:http';
import {
  type ExporterConfig,
  PrometheusExporter,
  PrometheusSerializer,
} from '@opentelemetry/exporter-prometheus';
import type { MetricProducer, MetricReaderOptions } from '@opentelemetry/sdk-metrics';
import { createError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';

/** The reader behind `/metrics`. It serves nothing by itself. */
export function createPrometheusReader(histograms: MetricProducer): PrometheusExporter {
  // The exporter passes producers on to its base class; only its type does not say so.
  const config: ExporterConfig & MetricReaderOptions = {
    preventServerStart: true,
    metricProducers: [histograms],
  };
  return new PrometheusExporter(config);
}

/** Media type of Prometheus' text format. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What the reader has now, in Prometheus' text format. */
export async function formatPrometheusMetrics(reader: PrometheusExporter): Promise<string> {
  const { resourceMetrics } = await reader.collect();
  return new PrometheusSerializer().serialize(resourceMetrics);
}

/**
 * Serves `/metrics` of an instrumented service, on a server that does not keep it running.
 *
 * @returns the reader for the meter provider, and the server
 */
export function servePrometheus(
  port: number,
  host: string,
  log: Logger,
  histograms: MetricProducer,
): { reader: PrometheusExporter; server: Server } {
  const reader = createPrometheusReader(histograms);
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] === '/metrics') {
      reader.getMetricsRequestHandler(request, response);
    } else response.writeHead(404).end();
  });
  server.on('error', (error) => {
    const part = `/metrics on ${host}:${port}`;
    log.warn(createError('PS_PART_FAILED', { part, reason: error.message }).message);
  });
  server.listen(port, host).unref();
  return { reader, server };
}
