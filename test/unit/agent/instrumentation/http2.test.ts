import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hasHttp2Channels } from '../../../../src/agent/instrumentation/http2.ts';
import { getRequestState } from '../../../../src/agent/instrumentation/request-state.ts';
import { RequestMeasurements, toOutcome } from '../../../support/request-measurements.ts';

let measurements: RequestMeasurements;
let server: Http2Server;
let client: ClientHttp2Session;
beforeEach(async () => {
  measurements = new RequestMeasurements({
    resolveTenant: ({ method, url, headers }) => ({
      organizationId: `${method} ${url} ${String(headers[':authority']).split(':')[0]}`,
    }),
  });
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on('error', () => {});
});
afterEach(() => {
  measurements.stop();
  client.destroy();
  server.close();
});

function send(path: string, method = 'GET'): ClientHttp2Stream {
  const stream = client.request({ ':path': path, ':method': method });
  stream.on('error', () => {});
  stream.resume();
  return stream;
}

function onStream(handler: (stream: ServerHttp2Stream) => void): void {
  server.on('stream', handler as never);
}

async function takeOutcome() {
  const [row] = await measurements.takeRows(1);
  return toOutcome(row);
}

const REQUEST = { metricType: 'API_RESPONSE_TIME', count: 1, count2xx: 1 };
const FAILED = { metricType: 'API_RESPONSE_TIME', count: 1, errorCount: 1, count5xx: 1 };
const ABORTED = { metricType: 'API_RESPONSE_TIME', abortedCount: 1 };
const STREAM = { metricType: 'API_STREAM_DURATION', count: 1, count2xx: 1 };
const failure = new Error('the rooms are gone');

it('measures requests of the compatibility API, with method, status, tenant, and first byte', async () => {
  server.on('request', (request, response) => {
    expect(getRequestState(request)).toMatchObject({ method: 'POST' });
    response.writeHead(503).end('full');
  });
  await once(send('/rooms?id=7', 'POST'), 'close');
  const [row] = await measurements.takeRows(1);
  expect(toOutcome(row)).toEqual(FAILED);
  expect(row).toMatchObject({
    operation: 'POST',
    organizationId: 'POST /rooms?id=7 127.0.0.1',
    tags: '{"url.scheme":"http"}',
  });
  expect(row?.firstByteSum).toBeGreaterThan(0);
  expect(row?.firstByteSum).toBeLessThanOrEqual(row?.sum ?? 0);
});

it('measures requests of the stream event, but no pushed response', async () => {
  onStream((stream) => {
    stream.pushStream({ ':path': '/style.css' }, (_error, pushed) => {
      pushed.respond({ ':status': 200 });
      pushed.end('a');
      pushed.once('close', () => {
        stream.respond({ ':status': 201 });
        stream.end('b');
      });
    });
  });
  client.on('stream', (pushed) => pushed.resume());
  await once(send('/'), 'close');
  expect(await takeOutcome()).toEqual(REQUEST);
  expect(measurements.histograms.collectDelta(Date.now())).toEqual([]);
});

it.each<[string, (stream: ClientHttp2Stream) => void]>([
  ['a reset', (stream) => stream.close(constants.NGHTTP2_CANCEL)],
  ['another reset', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
  ['a lost connection', () => client.destroy()],
])('a client can abort a request with %s', async (_name, abort) => {
  onStream((stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    stream.write('a');
  });
  const stream = send('/');
  await once(stream, 'response');
  abort(stream);
  expect(await takeOutcome()).toEqual(ABORTED);
});

it.each<[string, (stream: ServerHttp2Stream) => void]>([
  ['destroy(error)', (stream) => stream.destroy(failure)],
  ['destroy()', (stream) => stream.destroy()],
  ['close(INTERNAL_ERROR)', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
])('a server fails after the headers with %s', async (_name, fail) => {
  onStream((stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    stream.write('a', () => fail(stream));
  });
  send('/');
  expect(await takeOutcome()).toEqual(FAILED);
});

it('a response with the headers of a stream is a stream, which the client can close', async () => {
  onStream((stream) => {
    stream.respond({ ':status': 200, 'Content-Type': 'text/event-stream' });
    stream.write('data: 1\n\n');
  });
  const stream = send('/');
  await once(stream, 'response');
  stream.close(constants.NGHTTP2_CANCEL);
  expect(await takeOutcome()).toEqual(STREAM);
});

it('records open requests when the process ends', async () => {
  const opened = once(server, 'stream');
  const stream = send('/');
  await opened;
  measurements.endOpenRequests();
  expect(await takeOutcome()).toEqual(ABORTED);
  stream.close();
});

it.each([
  ['22.14.0', false],
  ['22.17.1', false],
  ['22.18.0', true],
  ['23.11.0', false],
  ['24.2.0', false],
  ['24.3.0', true],
  ['26.0.0', true],
])('Node.js %s publishes all channels: %s', (version, expected) => {
  expect(hasHttp2Channels(version)).toBe(expected);
});
