import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import {
  type ConnectionLimits,
  createLimitedServer,
} from '../../../../src/server/access/connection-limiter.ts';
import { waitFor } from '../../../support/wait-for.ts';

interface OpenRequest {
  readonly path: string;
  readonly response: ServerResponse;
}

let server: Server;
let socket: Socket;
let open: OpenRequest[];
let received: string;
afterEach(() => {
  socket.destroy();
  server.close();
  server.closeAllConnections();
});

/** Starts a server that records requests, and connects to it. */
async function start(limits?: ConnectionLimits): Promise<void> {
  open = [];
  received = '';
  server = createLimitedServer((request: IncomingMessage, response: ServerResponse) => {
    open.push({ path: request.url ?? '', response });
  }, limits);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
}

function pipeline(paths: readonly string[]): void {
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
}

/** Reports that nothing was sent or received for the whole timeout, as Node.js does. */
function reportStall(): void {
  server.emit('timeout', open[0]!.response.socket);
}

const getPaths = () => open.map(({ path }) => path);

it('handles pipelined requests one after the other', async () => {
  await start();
  socket.on('data', (chunk) => {
    received += chunk;
  });
  pipeline(['/1', '/2', '/3']);
  for (const count of [1, 2, 3]) {
    await waitFor(async () => open.length === count);
    open[count - 1]!.response.end(`body ${count}`);
    await waitFor(async () => received.includes(`body ${count}`));
  }
  expect(getPaths()).toEqual(['/1', '/2', '/3']);
});

it('does not start a request while the response before it is open', async () => {
  await start();
  pipeline(['/1', '/2', '/3']);
  await waitFor(async () => open.length === 1);
  const other = connect((server.address() as AddressInfo).port, '127.0.0.1');
  other.write('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
  await waitFor(async () => open.length === 2);
  expect(getPaths()).toEqual(['/1', '/other']);
  other.destroy();
});

it('closes a connection with too many pipelined requests, and starts none of them', async () => {
  await start({ maxPipelined: 5 });
  pipeline(Array.from({ length: 7 }, (_, i) => `/${i}`));
  await once(socket, 'close');
  expect(getPaths()).toEqual(['/0']);
});

it('closes a connection whose client does not read a response', async () => {
  await start();
  socket.pause();
  pipeline(['/1', '/2']);
  await waitFor(async () => open.length === 1);
  const closed = once(open[0]!.response, 'close');
  open[0]!.response.end(Buffer.alloc(50_000_000));
  reportStall();
  await closed;
  socket.resume();
  await once(socket, 'close');
  expect(socket.bytesRead).toBeLessThan(50_000_000);
  expect(getPaths()).toEqual(['/1']);
});

it('keeps a connection while its request is being handled', async () => {
  await start();
  socket.on('data', (chunk) => {
    received += chunk;
  });
  pipeline(['/1']);
  await waitFor(async () => open.length === 1);
  reportStall();
  open[0]!.response.end('body');
  await waitFor(async () => received.includes('body'));
});

it('closes an idle connection', async () => {
  await start({ stallTimeoutMs: 100 });
  await once(socket, 'close');
  expect(open).toEqual([]);
});

it('keeps a connection open between two exports of an SDK', async () => {
  await start();
  expect(server.keepAliveTimeout).toBeGreaterThan(60_000);
});

it('advises clients of HTTP/2 with a GOAWAY frame, and reports their address', async () => {
  const addresses: (string | undefined)[] = [];
  await start({ onHttp2: (address) => void addresses.push(address) });
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const goAway = Promise.withResolvers<string>();
  session.on('goaway', (code, _stream, data) => goAway.resolve(`${code} ${data}`));
  session.on('error', () => {});
  session.request({ ':method': 'POST', ':path': '/Export' }).on('error', () => {});
  expect(await goAway.promise).toMatch(/^13 .*OTEL_EXPORTER_OTLP_PROTOCOL=http\/protobuf/);
  await waitFor(async () => session.destroyed);
  expect(addresses).toEqual(['127.0.0.1']);
  expect(open).toEqual([]);
});

it.each([
  ['is not HTTP', 'hello\r\n\r\n', '400 Bad Request'],
  ['has large headers', `GET / HTTP/1.1\r\nA: ${'a'.repeat(20_000)}\r\n`, '431 Request Header'],
])('rejects a request that %s, like Node.js', async (_case, text, status) => {
  await start();
  socket.on('data', (chunk) => {
    received += chunk;
  });
  socket.write(text);
  await once(socket, 'close');
  expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status}.*\r\nConnection: close\r\n\r\n$`));
});
