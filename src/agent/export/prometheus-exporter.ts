import type { Server } from 'node:http';
import { type MetricProducer, MetricReader } from '@opentelemetry/sdk-metrics';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';

/** Collects the metrics of each request. */
class PrometheusReader extends MetricReader {
  constructor(histograms: MetricProducer) {
    super({
      metricProducers: [histograms],
      otelComponentType: 'prometheus_http_text_metric_exporter',
    });
  }

  protected async onForceFlush(): Promise<void> {}

  protected async onShutdown(): Promise<void> {}
}

/** Creates the reader for `/metrics`. */
export function createPrometheusReader(histograms: MetricProducer): MetricReader {
  return new PrometheusReader(histograms);
}

/** Media type of the Prometheus text format. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Returns the current metrics of `reader` in the Prometheus text format. */
export async function formatPrometheusMetrics(reader: MetricReader): Promise<string> {
  const { resourceMetrics } = await reader.collect();
  // Loaded by the first request, because most services don't serve metrics.
  const { PrometheusSerializer } = await import('@opentelemetry/exporter-prometheus');
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
): { reader: MetricReader; server: Server } {
  const reader = createPrometheusReader(histograms);
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    formatPrometheusMetrics(reader).then(
      (metrics) => response.setHeader('content-type', PROMETHEUS_CONTENT_TYPE).end(metrics),
      (error) => response.end(`# failed to export metrics: ${errorMessage(error)}`),
    );
  });
  server.on('error', (error) => {
    const part = `the /metrics endpoint on ${host}:${port}`;
    log.warn(createError('PS_PART_FAILED', { part, reason: error.message }).message);
  });
  server.listen(port, host).unref();
  return { reader, server };
}
