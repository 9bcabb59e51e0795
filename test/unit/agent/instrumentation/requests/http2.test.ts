import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasHttp2Channels } from '../../../../../src/agent/instrumentation/requests/http2.ts';
import { getRequestState } from '../../../../../src/agent/instrumentation/requests/request-state.ts';
import { RequestMeasurements, toOutcome } from '../../../../support/request-measurements.ts';
import { waitFor } from '../../../../support/wait-for.ts';

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
/** Larger than the flow control window, so that it isn't sent until the client reads it. */
const LARGE_CONTENT = Buffer.alloc(1_000_000);
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
  ['close()', (stream) => stream.close()],
  ['destroy()', (stream) => stream.destroy()],
  ['destroy(error)', (stream) => stream.destroy(failure)],
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
  ['close()', (stream) => stream.close()],
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

it.each([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_INTERNAL_ERROR])(
  'a server fails if it closes a stream with code %i as soon as a request arrives',
  async (code) => {
    onStream((stream) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      stream.close(code);
    });
    send('/');
    expect(await takeOutcome()).toEqual(FAILED);
  },
);

it('a client can abort a HEAD request before the response', async () => {
  const opened = once(server, 'stream');
  const stream = send('/', 'HEAD');
  const [serverStream] = (await opened) as [ServerHttp2Stream];
  serverStream.on('error', () => {});
  await waitFor(async () => serverStream.writableFinished);
  stream.close(constants.NGHTTP2_CANCEL);
  expect(await takeOutcome()).toEqual(ABORTED);
});

it('a client can abort a large response that has ended, but is not sent', async () => {
  onStream((stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    stream.end(LARGE_CONTENT);
  });
  const stream = client.request({ ':path': '/' });
  await once(stream, 'response');
  stream.close();
  expect(await takeOutcome()).toEqual(ABORTED);
});

/** Also without the agent, Node.js 26.10 crashes (SIGSEGV) in some runs if a client aborts `respondWithFile`. */
const crashesWithFiles = process.versions.node.startsWith('26.');

// CI also runs this file on Node.js 22, which doesn't crash.
describe.skipIf(crashesWithFiles)('respondWithFile', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perfscope-http2-'));
    file = join(folder, 'file');
    writeFileSync(file, LARGE_CONTENT);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each(['GET', 'POST'])('measures a %s request once', async (method) => {
    onStream((stream) => stream.respondWithFile(file, { ':status': 200 }));
    const stream = send('/', method);
    if (!stream.endAfterHeaders) stream.end();
    await once(stream, 'close');
    const [row] = await measurements.takeRows(1);
    expect(toOutcome(row)).toEqual(REQUEST);
    expect(row?.firstByteMax).toBeLessThan(row?.max ?? 0);
  });

  it.each<[string, (stream: ClientHttp2Stream) => void]>([
    ['a reset', (stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ['close()', (stream) => stream.close()],
    ['a lost connection', () => client.destroy()],
  ])('a client can abort it with %s', async (_name, abort) => {
    onStream((stream) => {
      stream.on('error', () => {});
      stream.respondWithFile(file);
    });
    const stream = client.request({ ':path': '/' });
    stream.on('error', () => {});
    await once(stream, 'response');
    abort(stream);
    expect(await takeOutcome()).toEqual(ABORTED);
  });

  it('a server that fails while it sends the file is a failure', async () => {
    onStream((stream) => {
      stream.on('error', () => {});
      stream.respondWithFile(file);
    });
    const stream = client.request({ ':path': '/' });
    stream.on('error', () => {});
    const opened = once(server, 'stream');
    const [[serverStream]] = (await Promise.all([opened, once(stream, 'response')])) as [
      [ServerHttp2Stream],
      unknown,
    ];
    serverStream.destroy(failure);
    expect(await takeOutcome()).toEqual(FAILED);
  });
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
