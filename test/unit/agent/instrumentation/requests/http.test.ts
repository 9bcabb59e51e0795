import { AsyncResource } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { PassThrough, pipeline } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  getCurrentTenant,
  isInMeasuredOperation,
} from '../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { EXPRESS } from '../../../../../src/agent/instrumentation/frameworks/express/express.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { applyPatch, createTestContext } from '../../../../support/instrumentation-context.ts';
import {
  closeAfterFirstByte,
  RequestMeasurements,
  startHttpServer,
  toOutcome,
} from '../../../../support/request-measurements.ts';
import { waitFor } from '../../../../support/wait-for.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let measurements: RequestMeasurements;
const requestDurations: number[] = [];
const servers: Awaited<ReturnType<typeof startHttpServer>>['server'][] = [];
beforeEach(() => {
  requestDurations.length = 0;
  measurements = new RequestMeasurements({
    streamRoutes: ['/poll/*'],
    onRequest: (durationMs) => requestDurations.push(durationMs),
  });
});
afterEach(() => {
  measurements.stop();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(handler: Handler): Promise<string> {
  const { server, url } = await startHttpServer(handler);
  servers.push(server);
  return url;
}

async function fetchAll(url: string, init?: RequestInit): Promise<void> {
  const response = await fetch(url, init);
  await response.text();
}

function startStream(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
  response.write('data: 1\n\n');
}

const STREAM = { metricType: 'API_STREAM_DURATION', count: 1, count2xx: 1 };
const REQUEST = { metricType: 'API_RESPONSE_TIME', count: 1, count2xx: 1 };
const FAILED = { count: 1, errorCount: 1, count5xx: 1 };

it.each([
  ['text/event-stream'],
  ['Application/X-NDJSON'],
  ['multipart/x-mixed-replace; boundary=a'],
  ['application/json-seq'],
  ['application/grpc+proto'],
  ['video/mp4'],
  ['audio/mpeg'],
])('a response of type %s is a stream', async (type) => {
  const url = await serve((_request, response) => {
    response.setHeader('content-type', type);
    response.end('a');
  });
  await fetchAll(url);
  expect(toOutcome((await measurements.takeRows(1))[0])).toEqual(STREAM);
  expect(requestDurations).toEqual([]);
  expect(measurements.sampler.takeSamples()).toEqual([]);
});

it('a download is a stream, and other responses are not', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/download') response.setHeader('Content-Disposition', 'attachment; a');
    response.setHeader('X-Original', 'content-type: video/mp4').end('a');
  });
  await fetchAll(`${url}/download`);
  await fetchAll(`${url}/page`);
  expect((await measurements.takeRows(2)).map(toOutcome)).toEqual([REQUEST, STREAM]);
});

it.each(['/poll/rooms', '/socket.io/?EIO=4&transport=polling'])(
  'long polling is a stream: %s',
  async (path) => {
    const url = await serve((_request, response) => response.end('a'));
    await fetchAll(url + path);
    expect(toOutcome((await measurements.takeRows(1))[0])).toEqual(STREAM);
  },
);

it('an ignored request does not inherit the tenant of the request before it on the connection', () => {
  measurements.stop();
  measurements = new RequestMeasurements({
    ignoreRoutes: ['/health'],
    resolveTenant: () => ({ organizationId: 'acme' }),
  });
  const receive = (url: string) => {
    const request = { method: 'GET', url, headers: {}, socket: new EventEmitter() };
    channel('http.server.request.start').publish({ request, response: {}, server: {} });
    return [getCurrentTenant()?.organizationId, isInMeasuredOperation()];
  };
  // Older versions of Node.js handle all requests of a connection in one context.
  new AsyncResource('connection').runInAsyncScope(() => {
    expect(receive('/')).toEqual(['acme', true]);
    expect(receive('/health')).toEqual([undefined, false]);
    expect(receive('/')).toEqual(['acme', true]);
  });
});

it('measures the time to the first byte, and not to the headers', async () => {
  const times: Record<string, number> = {};
  let open: ServerResponse | undefined;
  const url = await serve((request, response) => {
    if (request.url === '/open') {
      open = response.writeHead(200);
      times.headers = performance.now();
    } else {
      // The client controls the open response, so that the test doesn't depend on timers.
      times.beforeWrite ??= performance.now();
      if (request.url === '/write') open?.write('a', () => response.end());
      else open?.end('b', () => response.end());
      times.afterWrite ??= performance.now();
      times.end = performance.now();
    }
  });
  // Another method than the other requests, so it has its own row.
  const opened = fetchAll(`${url}/open`, { method: 'POST' });
  await waitFor(async () => open);
  await fetchAll(`${url}/write`);
  await fetchAll(`${url}/end`);
  await opened;
  const rows = await measurements.takeRows(3);
  const row = rows.find(({ operation }) => operation === 'POST');
  expect(row?.count).toBe(1);
  const { headers = 0, beforeWrite = 0, afterWrite = 0, end = 0 } = times;
  expect(row?.firstByteMax).toBeGreaterThanOrEqual(beforeWrite - headers);
  expect((row?.max ?? 0) - (row?.firstByteMax ?? 0)).toBeGreaterThanOrEqual(end - afterWrite - 1);
});

it('the sent status is recorded, even if the application changes it afterward', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(500).flushHeaders();
    response.statusCode = 404;
    response.end('a');
  });
  await fetchAll(url);
  expect((await measurements.takeRows(1))[0]).toMatchObject({ count4xx: 0, count5xx: 1 });
});

it('a client that closes a stream is a normal end', async () => {
  const url = await serve((_request, response) => startStream(response));
  await closeAfterFirstByte(url);
  expect(toOutcome((await measurements.takeRows(1))[0])).toEqual(STREAM);
});

it('a client that closes other responses is an abort, which is in no duration', async () => {
  const paths: unknown[] = [];
  const url = await serve((request, response) => {
    paths.push(request.url);
    if (request.url === '/open') response.write('a');
    if (request.url === '/done') response.end('a');
  });
  await closeAfterFirstByte(`${url}/open`);
  const controller = new AbortController();
  const none = fetchAll(`${url}/none`, { signal: controller.signal });
  await waitFor(async () => paths.includes('/none'));
  controller.abort();
  await expect(none).rejects.toThrow();
  await fetchAll(`${url}/done`);
  const [row] = await measurements.takeRows(3);
  expect(toOutcome(row)).toEqual({ ...REQUEST, abortedCount: 2 });
  expect([row?.sum, row?.max]).toEqual([row?.value, row?.value]);
  expect(requestDurations).toHaveLength(1);
});

it('a row of aborted requests has no mean', async () => {
  const url = await serve((_request, response) => response.write('a'));
  await closeAfterFirstByte(url);
  const [row] = await measurements.takeRows(1);
  expect(row).toMatchObject({ count: 0, abortedCount: 1, sum: 0 });
  expect([row?.value, row?.duration, row?.min, row?.max]).toEqual(Array(4).fill(undefined));
});

const failure = new Error('the rooms are gone');
it.each<[string, Handler, unknown]>([
  ['response.destroy(error)', (_request, response) => response.destroy(failure), failure],
  ['socket.destroy(error)', (request) => request.socket.destroy(failure), failure],
  ['response.destroy()', (_request, response) => response.destroy(), undefined],
  ['request.socket.destroy()', (request) => request.socket.destroy(), undefined],
  [
    'a failed pipeline',
    (_request, response) => {
      const source = new PassThrough();
      pipeline(source, response, () => {});
      source.destroy(failure);
    },
    failure,
  ],
  [
    'an error of another connection',
    (_request, response) =>
      response.destroy(Object.assign(new Error('read'), { code: 'ECONNRESET' })),
    expect.objectContaining({ code: 'ECONNRESET' }),
  ],
])('%s after the headers is a server error', async (_name, fail, thrown) => {
  const url = await serve((request, response) => {
    response.write('a', () => fail(request, response));
  });
  await fetchAll(url).catch(() => {});
  const [row] = await measurements.takeRows(1);
  expect(toOutcome(row)).toEqual({ metricType: 'API_RESPONSE_TIME', ...FAILED });
  expect(measurements.failures).toEqual([thrown]);
});

it.each([
  ['with an error', failure, { metricType: 'API_RESPONSE_TIME', ...FAILED }],
  ['without an error', undefined, { metricType: 'API_RESPONSE_TIME', abortedCount: 1 }],
])('a server that closes the connection without a response, %s', async (_name, error, expected) => {
  const url = await serve((request) => request.socket.destroy(error));
  await fetchAll(url).catch(() => {});
  expect(toOutcome((await measurements.takeRows(1))[0])).toEqual(expected);
});

it.each([
  ['with an error', failure, FAILED],
  ['without an error', undefined, { count: 1, count2xx: 1 }],
])('a stream that the server destroys %s', async (_name, error, expected) => {
  const url = await serve((_request, response) => {
    startStream(response);
    setImmediate(() => response.destroy(error));
  });
  await fetchAll(url).catch(() => {});
  expect(toOutcome((await measurements.takeRows(1))[0])).toEqual({
    metricType: 'API_STREAM_DURATION',
    ...expected,
  });
});

it.each([
  ['the default handler', undefined],
  ['an error handler that ends the response', 'end'],
])('an Express handler that throws after the headers has failed: %s', async (_name, handler) => {
  const express = createRequire(import.meta.url)('express');
  applyPatch(EXPRESS, createTestContext(), '', express);
  const app = express();
  app.get('/rooms', (_request: IncomingMessage, response: ServerResponse) => {
    response.write('a');
    throw failure;
  });
  if (handler === 'end') {
    app.use((_error: Error, _request: unknown, response: ServerResponse, _next: unknown) =>
      response.end(),
    );
  } else app.set('env', 'test');
  const url = await serve(app);
  await fetchAll(`${url}/rooms`).catch(() => {});
  const [row] = await measurements.takeRows(1);
  expect(toOutcome(row)).toEqual({ metricType: 'API_RESPONSE_TIME', ...FAILED });
  expect(row?.endpoint).toBe('/rooms');
  expect(measurements.failures).toEqual([failure]);
});

it('one row per endpoint has all statuses, and Prometheus has one series per status', async () => {
  const histograms = new HistogramRegistry(() => {});
  const producer = histograms.createCumulativeProducer();
  measurements.stop();
  const scraped = new RequestMeasurements({}, histograms);
  const url = await serve((request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end();
  });
  for (const status of [200, 204, 301, 403, 500, 503]) {
    await fetchAll(`${url}/${status}`, { redirect: 'manual' });
  }
  const rows = await scraped.takeRows(6);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({
    ...{ count: 6, errorCount: 2, abortedCount: 0, tags: '{"url.scheme":"http"}' },
    ...{ count2xx: 2, count3xx: 1, count4xx: 1, count5xx: 2 },
  });
  const { resourceMetrics } = await producer.collect();
  const [requests] = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  expect(
    requests?.dataPoints.map(({ attributes }) => [
      attributes['http.response.status_code'],
      attributes['error.type'],
    ]),
  ).toEqual([
    [200, undefined],
    [204, undefined],
    [301, undefined],
    [403, undefined],
    [500, '500'],
    [503, '503'],
  ]);
  scraped.stop();
});

it('Prometheus counts aborted requests in their own counter', async () => {
  const histograms = new HistogramRegistry(() => {});
  const producer = histograms.createCumulativeProducer();
  measurements.stop();
  const scraped = new RequestMeasurements({}, histograms);
  const url = await serve((_request, response) => response.write('a'));
  await closeAfterFirstByte(url);
  const metrics = await waitFor(async () => {
    const { resourceMetrics } = await producer.collect();
    const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return all.length > 0 && all;
  });
  expect(
    metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints[0]?.value]),
  ).toEqual([['perfscope.http.request.aborted', 1]]);
  scraped.stop();
});

it('requests that are open when the process ends', async () => {
  const responses: ServerResponse[] = [];
  const url = await serve((request, response) => {
    responses.push(response);
    if (request.url === '/stream') startStream(response);
    if (request.url === '/body') response.write('a');
  });
  const controller = new AbortController();
  const requests = ['/stream', '/body', '/none'].map((path) =>
    fetchAll(url + path, { signal: controller.signal }).catch(() => {}),
  );
  await waitFor(async () => responses.length === 3);
  measurements.endOpenRequests();
  const rows = await measurements.takeRows(3);
  expect(rows.map(toOutcome)).toEqual([
    { metricType: 'API_RESPONSE_TIME', ...FAILED, abortedCount: 1 },
    STREAM,
  ]);
  controller.abort();
  await Promise.all(requests);
});
