import { createServer, type Server } from 'node:http';
import {
  type ExporterConfig,
  PrometheusExporter,
  PrometheusSerializer,
} from '@opentelemetry/exporter-prometheus';
import type { MetricProducer, MetricReaderOptions } from '@opentelemetry/sdk-metrics';
import type { Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';

/** Creates the reader for `/metrics`, without its own HTTP server. */
export function createPrometheusReader(histograms: MetricProducer): PrometheusExporter {
  // The exporter passes `metricProducers` to its base class, but its type does not include them.
  const config: ExporterConfig & MetricReaderOptions = {
    preventServerStart: true,
    metricProducers: [histograms],
  };
  return new PrometheusExporter(config);
}

/** Media type of the Prometheus text format. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Returns the current metrics of `reader` in the Prometheus text format. */
export async function formatPrometheusMetrics(reader: PrometheusExporter): Promise<string> {
  const { resourceMetrics } = await reader.collect();
  return new PrometheusSerializer().serialize(resourceMetrics);
}

/**
 * Serves the metrics of an instrumented service at `/metrics`. The server does not keep the process
 * running. If the server can't start, a warning is logged.
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
    const part = `the /metrics endpoint on ${host}:${port}`;
    log.warn(createError('PS_PART_FAILED', { part, reason: error.message }).message);
  });
  server.listen(port, host).unref();
  return { reader, server };
}
