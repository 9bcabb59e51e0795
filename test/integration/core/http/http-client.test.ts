import { spawn } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import dns from 'node:dns';
import { once } from 'node:events';
import http, { createServer as createHttpServer } from 'node:http';
import https, { createServer as createHttpsServer } from 'node:https';
import net, { createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterEach, expect, it, vi } from 'vitest';
import { HttpClient } from '../../../../src/core/http/http-client.ts';
import { loadTls } from '../../../../src/core/http/http-socket.ts';
import { createTemporaryCertificate } from '../../../support/certificate.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = { method: 'GET', timeoutMs: 30_000 } as const;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function createClient(): HttpClient {
  const client = new HttpClient({ keepsProcessAlive: false });
  cleanups.push(() => client.close());
  return client;
}

/** Starts a TCP server that calls `onRequest` when a request's head has arrived. */
async function startServer(onRequest: (socket: Socket, count: number) => void) {
  const sockets: Socket[] = [];
  let count = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      if (data.includes('HTTP/1.1\r\n')) onRequest(socket, ++count);
    });
  });
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const port = await listenOnFreePort(server);
  return { url: `http://127.0.0.1:${port}`, port, sockets, getCount: () => count };
}

async function listen(server: Server, host: string): Promise<number> {
  cleanups.push(() => server.close());
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

it('calls no function that an application or a library can replace', async () => {
  loadTls();
  const replaced = vi.fn(() => {
    throw new Error('a replaced function was called');
  });
  const server = await startServer((socket) => socket.write(OK));
  for (const [object, name] of [
    ...[net, tls].map((module) => [module, 'connect']),
    [net, 'createConnection'],
    [net.Socket.prototype, 'connect'],
    [dns, 'lookup'],
    ...[http, https].flatMap((module) => [
      [module, 'request'],
      [module, 'get'],
      [module, 'Agent'],
    ]),
    [http, 'ClientRequest'],
    [globalThis, 'fetch'],
  ] as [Record<string, () => unknown>, string][]) {
    vi.spyOn(object, name).mockImplementation(replaced);
  }
  const socketSpy = vi.spyOn(net, 'Socket').mockImplementation(replaced);
  const { write } = Duplex.prototype;
  vi.spyOn(Duplex.prototype, 'write').mockImplementation(function (this: Duplex, ...args) {
    // The test's server is in the same process.
    if ((this as Socket).remotePort === server.port) replaced();
    return write.apply(this, args as Parameters<typeof write>);
  });
  const channels = ['http.client.request.start', 'undici:request:create'];
  for (const channel of channels) diagnostics.subscribe(channel, replaced);
  cleanups.push(() => {
    for (const channel of channels) diagnostics.unsubscribe(channel, replaced);
  });
  const response = await createClient().send(`http://localhost:${server.port}/`, GET);
  expect(response).toMatchObject({ status: 200, body: 'ok' });
  // Node.js itself uses the replaced constructor for TLS.
  socketSpy.mockRestore();
  const failing = createClient().send(`https://localhost:${server.port}/`, {
    ...GET,
    timeoutMs: 500,
  });
  await expect(failing).rejects.not.toThrow('replaced');
  expect(replaced).not.toHaveBeenCalled();
});

it('connects to IPv4, IPv6, and names', async () => {
  const handler = createHttpServer((_request, response) => response.end('v4'));
  const port = await listen(handler, '127.0.0.1');
  const handlerV6 = createHttpServer((_request, response) => response.end('v6'));
  const portV6 = await listen(handlerV6, '::1');
  const client = createClient();
  expect((await client.send(`http://127.0.0.1:${port}`, GET)).body).toBe('v4');
  expect((await client.send(`http://localhost:${port}`, GET)).body).toBe('v4');
  expect((await client.send(`http://[::1]:${portV6}`, GET)).body).toBe('v6');
});

it('checks certificates, also over a reused connection', async () => {
  const { cert, key, trust, remove } = createTemporaryCertificate();
  cleanups.push(remove);
  const server = createHttpsServer({ cert, key }, (request, response) =>
    response.end(String(request.socket.remotePort)),
  );
  cleanups.push(() => server.closeAllConnections());
  const port = await listen(server, '127.0.0.1');
  const client = createClient();
  await expect(client.send(`https://localhost:${port}`, GET)).rejects.toThrow('self-signed');
  trust();
  const first = await client.send(`https://localhost:${port}`, GET);
  expect((await client.send(`https://localhost:${port}`, GET)).body).toBe(first.body);
  expect((await client.send(`https://127.0.0.1:${port}`, GET)).status).toBe(200);
  const other = createClient().send(`https://127.0.0.2:${port}`, GET);
  await expect(other).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('repeats a request if the peer has closed the unused connection', async () => {
  const server = await startServer((socket, count) => {
    // The second request arrives over the first connection, which is closed without a response.
    if (count === 2) socket.destroy();
    else socket.write(OK);
  });
  const client = createClient();
  expect((await client.send(server.url, GET)).body).toBe('ok');
  expect((await client.send(server.url, GET)).body).toBe('ok');
  expect(server.getCount()).toBe(3);
  expect(server.sockets).toHaveLength(2);
});

it('repeats a request only once, and not after the first byte', async () => {
  const closing = await startServer((socket, count) =>
    count === 1 ? socket.write(OK) : socket.destroy(),
  );
  const client = createClient();
  await client.send(closing.url, GET);
  await expect(client.send(closing.url, GET)).rejects.toThrow();
  expect(closing.getCount()).toBe(3);
  const partial = await startServer((socket, count) =>
    count === 1 ? socket.write(OK) : socket.end('HTTP/1.1 2'),
  );
  await client.send(partial.url, GET);
  await expect(client.send(partial.url, GET)).rejects.toThrow('before the end of the response');
  expect(partial.getCount()).toBe(2);
});

it('opens a connection for each request at the same time, and keeps one', async () => {
  const waiting: Socket[] = [];
  const server = await startServer((socket, count) => {
    waiting.push(socket);
    if (count === 3) for (const each of waiting) each.write(OK);
    if (count === 4) socket.write(OK);
  });
  const client = createClient();
  await Promise.all([1, 2, 3].map(() => client.send(server.url, GET)));
  await client.send(server.url, GET);
  expect(server.sockets).toHaveLength(3);
});

it('limits the time of the complete response, even if bytes arrive', async () => {
  const server = await startServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    const timer = setInterval(() => socket.write(' '), 20);
    cleanups.push(() => clearInterval(timer));
  });
  const dripping = createClient().send(server.url, { ...GET, timeoutMs: 200 });
  await expect(dripping).rejects.toMatchObject({ name: 'TimeoutError' });
});

it('cancels a request', async () => {
  const server = await startServer(() => controller.abort(new Error('canceled')));
  const controller = new AbortController();
  const { signal } = controller;
  await expect(createClient().send(server.url, { ...GET, signal })).rejects.toThrow('canceled');
  await expect(createClient().send(server.url, { ...GET, signal })).rejects.toThrow('canceled');
  const client = createClient();
  const closing = await startServer(() => client.close());
  await expect(client.send(closing.url, GET)).rejects.toThrow('closed');
  await expect(client.send(closing.url, GET)).rejects.toThrow('closed');
});

it.each([
  ['an invalid URL', 'not a URL', {}],
  ['an unknown protocol', 'ftp://127.0.0.1/', {}],
  ['a line break in a header', 'http://127.0.0.1:1/', { headers: { authorization: 'a\r\nb: c' } }],
  ['a closed port', 'http://127.0.0.1:1/', {}],
])('rejects %s', async (_name, url, options) => {
  await expect(createClient().send(url, { ...GET, ...options })).rejects.toThrow();
});

it.each([
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ['closes', (socket: Socket) => socket.end()],
  ['sends garbage', (socket: Socket) => socket.end('\0\x01garbage')],
  ['sends an endless header', (socket: Socket) => socket.write('x'.repeat(100_000))],
  [
    'sends too much',
    (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5_000_000)}`),
  ],
])('rejects if the peer %s', async (_name, onRequest) => {
  const server = await startServer(onRequest);
  await expect(createClient().send(server.url, GET)).rejects.toThrow();
});

const CHILD_CODE = `
  import { HttpClient } from ${JSON.stringify(resolve('src/core/http/http-client.ts'))};
  const [url, bytes] = process.argv.slice(1);
  const client = new HttpClient({ keepsProcessAlive: false });
  const body = [Buffer.alloc(Number(bytes))];
  client.send(url, { method: 'POST', body, timeoutMs: 3_600_000 }).catch(() => {});
  process.on('exit', () => console.log('ended'));
`;

/** Sends a request in a process that has nothing else to do, and waits until the process ends. */
async function runChild(url: string, bytes: number): Promise<void> {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', CHILD_CODE, url, `${bytes}`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const output = await child.stdout.toArray();
  expect(output.join('')).toBe('ended\n');
}

it('never keeps the process alive', async () => {
  const silent = await startServer((socket) => socket.pause());
  // The response never arrives.
  await runChild(silent.url, 10);
  // The peer reads nothing, so the write never ends.
  await runChild(silent.url, 20_000_000);
});

it('does not keep the process alive while it connects', async () => {
  // Linux ignores connections above the backlog until the application accepts them.
  const listener = spawn('python3', [
    '-c',
    `import socket, sys
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(0)
clients = [socket.socket() for i in range(4)]
for client in clients:
    client.setblocking(False)
    client.connect_ex(s.getsockname())
print(s.getsockname()[1], flush=True)
sys.stdin.read()`,
  ]);
  cleanups.push(() => listener.kill());
  const [port] = await once(listener.stdout, 'data');
  await runChild(`http://127.0.0.1:${Number(port)}`, 10);
  await runChild(`http://localhost:${Number(port)}`, 10);
});
