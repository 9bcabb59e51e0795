import { createServer, type Server } from 'node:http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { coded } from './errors.ts';
import type { Log } from './log.ts';

/**
 * Serves `/metrics` of an instrumented service, on a server that does not keep it running.
 *
 * @returns the reader for the meter provider, and the server
 */
export function servePrometheus(
  port: number,
  host: string,
  log: Log,
): { reader: PrometheusExporter; server: Server } {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] === '/metrics') {
      reader.getMetricsRequestHandler(request, response);
    } else response.writeHead(404).end();
  });
  server.on('error', (error) => {
    const part = `/metrics on ${host}:${port}`;
    log.warn(coded('PS_PART_FAILED', { part, reason: error.message }).message);
  });
  server.listen(port, host).unref();
  return { reader, server };
}
