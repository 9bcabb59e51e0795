import { once } from 'node:events';
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toMetricRows } from '../../src/agent/export/otel-metric-rows.ts';
import { HistogramRegistry } from '../../src/agent/instrumentation/histograms/histogram-registry.ts';
import {
  type HttpInstrumentationOptions,
  instrumentHttp,
} from '../../src/agent/instrumentation/requests/http.ts';
import { RequestSampler } from '../../src/agent/instrumentation/requests/request-sampler.ts';
import { createRequestState } from '../../src/agent/instrumentation/requests/request-state.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';
import { waitFor } from './wait-for.ts';

/** Measures the requests of this process, and returns the rows that an agent would write. */
export class RequestMeasurements {
  readonly histograms: HistogramRegistry;
  readonly sampler = new RequestSampler();
  readonly failures: unknown[] = [];
  readonly #http: ReturnType<typeof instrumentHttp>;
  readonly #rows: PerformanceMetricRow[] = [];

  constructor(
    options: Partial<HttpInstrumentationOptions> = {},
    histograms = new HistogramRegistry(() => {}),
  ) {
    this.histograms = histograms;
    this.#http = instrumentHttp({
      histograms,
      sampler: this.sampler,
      ignoreRoutes: [],
      streamRoutes: [],
      isOwnServer: () => false,
      onRequest: () => {},
      onServerError: (_request, thrown) => this.failures.push(thrown),
      resolveTenant: () => undefined,
      ...options,
    });
  }

  stop(): void {
    this.#http.stop();
  }

  endOpenRequests(): void {
    this.#http.endOpenRequests();
  }

  /** Returns the rows of `count` requests, aborted ones included. Waits until they have ended. */
  async takeRows(count: number): Promise<PerformanceMetricRow[]> {
    await waitFor(async () => {
      const collected = this.histograms.collectDelta(Date.now());
      this.#rows.push(...toMetricRows(collected, { service: 's', instance: 'i' }).metrics);
      return this.#rows.reduce((sum, row) => sum + getRequestCount(row), 0) >= count;
    });
    return this.#rows.splice(0);
  }
}

function getRequestCount({ count = 0, abortedCount = 0 }: PerformanceMetricRow): number {
  return count + abortedCount;
}

/** Returns the columns that describe how the requests of a row ended. */
export function toOutcome(row: PerformanceMetricRow | undefined): Record<string, unknown> {
  const columns = ['metricType', 'count', 'errorCount', 'abortedCount', 'count2xx', 'count5xx'];
  return Object.fromEntries(
    columns
      .map((column) => [column, row?.[column as keyof PerformanceMetricRow]])
      .filter(([, value]) => value !== 0),
  );
}

/** Starts a server on a free port. */
export async function startHttpServer(listener: RequestListener): Promise<{
  server: Server;
  url: string;
}> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Sends a request on its own connection, and closes it after the first part of the response. */
export async function closeAfterFirstByte(url: string): Promise<void> {
  const request = httpRequest(url, { agent: false }).end();
  const [response] = await once(request, 'response');
  await once(response, 'data');
  request.destroy();
}

/** Creates the state of a request, as if it had arrived at a server. */
export function createTestRequestState(request: object, response?: unknown) {
  return createRequestState(request, {
    method: 'GET',
    scheme: 'http',
    request: { headers: {} },
    response: response as never,
    isStreamRequest: false,
    tenant: undefined,
    openRequests: undefined,
  });
}
