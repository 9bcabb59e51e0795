import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type MetricProducer, MetricReader } from '@opentelemetry/sdk-metrics';
import { guard, startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { toPrometheusMetrics } from './prometheus-metrics.ts';
import { PrometheusNames } from './prometheus-names.ts';

/** After this time, a scrape returns the metrics whose callbacks have finished. */
const COLLECT_TIMEOUT_MS = 5000;

/** Collects the metrics of each request. */
export class PrometheusReader extends MetricReader {
  readonly names = new PrometheusNames();

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
export function createPrometheusReader(histograms: MetricProducer): PrometheusReader {
  return new PrometheusReader(histograms);
}

/** Media type of the Prometheus text format. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Returns the current metrics of `reader` in the Prometheus text format. */
export async function formatPrometheusMetrics(reader: PrometheusReader): Promise<string> {
  const { resourceMetrics } = await reader.collect({ timeoutMillis: COLLECT_TIMEOUT_MS });
  // Loaded by the first request, because most services don't serve metrics.
  const { PrometheusSerializer } = await import('@opentelemetry/exporter-prometheus');
  // `toPrometheusMetrics` adds the scope's labels, so the serializer doesn't.
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return serializer.serialize(toPrometheusMetrics(resourceMetrics, reader.names));
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
): { reader: PrometheusReader; server: Server } {
  const reader = createPrometheusReader(histograms);
  const { createServer } = process.getBuiltinModule('node:http');
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    try {
      const metrics = await formatPrometheusMetrics(reader);
      response.setHeader('content-type', PROMETHEUS_CONTENT_TYPE).end(metrics);
    } catch (error) {
      response.writeHead(500).end(`failed to export metrics: ${errorMessage(error)}`);
    }
  };
  const server = createServer((request, response) =>
    startTask('the /metrics endpoint', () => respond(request, response)),
  );
  const reportError = guard('the /metrics endpoint', (error: Error) => {
    const part = `the /metrics endpoint on ${host}:${port}`;
    log.warn(createError('PS_PART_FAILED', { part, reason: error.message }).message);
  });
  server.on('error', reportError);
  // An open connection would keep the process running until it times out.
  server.on(
    'connection',
    guard('the /metrics endpoint', (socket: Socket) => void socket.unref()),
  );
  server.listen(port, host).unref();
  return { reader, server };
}
