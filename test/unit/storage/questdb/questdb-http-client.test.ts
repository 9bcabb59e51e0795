import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { afterEach, expect, it } from 'vitest';
import { execSql } from '../../../../src/storage/questdb/exec-sql-http.ts';
import {
  QuestdbHttpClient,
  type QuestdbRequest,
} from '../../../../src/storage/questdb/questdb-http-client.ts';
import { createTemporaryCertificate } from '../../../support/certificate.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const GET: QuestdbRequest = { method: 'GET', path: '/exec?query=1', timeoutMs: 10_000 };

interface Received {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** Starts a server that returns `status` and `body`. If `body` is undefined, it never responds. */
async function startServer(
  body: string | undefined,
  status = 200,
  server: Server = createServer(),
) {
  const received: Received[] = [];
  const sockets = new Set<unknown>();
  server.on('request', async (request, response) => {
    sockets.add(request.socket);
    const parts = await request.toArray();
    received.push({ request, body: Buffer.concat(parts).toString() });
    if (body !== undefined) response.writeHead(status).end(body);
  });
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${await listenOnFreePort(server)}`, received, sockets };
}

function createClient() {
  const client = new QuestdbHttpClient({ keepsProcessAlive: false });
  cleanups.push(() => client.close());
  return client;
}

it('sends the path, the authorization, and the body', async () => {
  const { url, received } = await startServer('stored');
  const response = await createClient().send(
    { url, authorization: 'Bearer abc' },
    {
      method: 'POST',
      path: '/write?precision=n',
      headers: { 'content-type': 'text/plain' },
      body: [Buffer.from('zürich '), Buffer.from('v=1\n')],
      timeoutMs: 10_000,
    },
  );
  expect(response).toMatchObject({ status: 200, statusText: 'OK', body: 'stored' });
  expect(received[0]?.body).toBe('zürich v=1\n');
  expect(received[0]?.request).toMatchObject({
    method: 'POST',
    url: '/write?precision=n',
    headers: {
      authorization: 'Bearer abc',
      'content-length': '12',
      'content-type': 'text/plain',
    },
  });
});

it('reuses a connection', async () => {
  const { url, received, sockets } = await startServer('{}');
  const client = createClient();
  for (let i = 0; i < 3; i++) await client.send({ url }, GET);
  expect(received).toHaveLength(3);
  expect(sockets.size).toBe(1);
});

it('rejects with a TimeoutError if there is no response', async () => {
  const { url } = await startServer(undefined);
  const request = { ...GET, timeoutMs: 50 };
  await expect(createClient().send({ url }, request)).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});

it('rejects if the connection ends within the response', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 10 });
    response.write('part', () => response.destroy());
  });
  cleanups.push(() => server.close());
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  await expect(createClient().send({ url }, GET)).rejects.toThrow('before the end');
});

it('sends requests over HTTPS', async () => {
  const { cert, key, trust, remove } = createTemporaryCertificate();
  cleanups.push(remove);
  const { url } = await startServer('secure', 200, createSecureServer({ cert, key }));
  const target = { url: url.replace('http:', 'https:') };
  await expect(createClient().send(target, GET)).rejects.toThrow('self-signed certificate');
  trust();
  expect(await createClient().send(target, GET)).toMatchObject({ body: 'secure' });
});

it('returns the result of a statement, and the error of QuestDB', async () => {
  const { url, received } = await startServer('{"columns":[],"dataset":[[1]]}');
  expect((await execSql({ url }, "SELECT 'ü'")).dataset).toEqual([[1]]);
  expect(received[0]?.request.url).toBe('/exec?query=SELECT%20%27%C3%BC%27');
  const broken = await startServer('{"error":"table does not exist"}', 400);
  await expect(execSql({ url: broken.url }, 'SELECT 1')).rejects.toThrow('table does not exist');
  const proxy = await startServer('', 302);
  await expect(execSql({ url: proxy.url }, 'SELECT 1')).rejects.toMatchObject({
    code: 'PS_QUESTDB_REFUSED',
    params: { status: 302, reason: 'Found' },
  });
});

it.each([
  ['<html>proxy</html>'],
  ['null'],
  ['[]5'],
  ['{"dataset":5,"columns":null}'],
  ['{"dataset":[null]}'],
])('rejects the response %s of another server', async (body) => {
  const { url } = await startServer(body);
  await expect(execSql({ url }, 'SELECT 1')).rejects.toMatchObject({
    code: 'PS_QUESTDB_REFUSED',
    params: { reason: 'the response is not from QuestDB' },
  });
});

it('reports the reason if QuestDB is unreachable or does not respond', async () => {
  const unreachable = { url: 'http://127.0.0.1:1' };
  await expect(execSql(unreachable, 'SELECT 1')).rejects.toMatchObject({
    code: 'PS_QUESTDB_UNREACHABLE',
    params: { reason: expect.stringContaining('ECONNREFUSED') },
  });
  const { url } = await startServer(undefined);
  await expect(execSql({ url }, 'SELECT 1', { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'PS_QUESTDB_UNREACHABLE',
    params: { reason: 'The operation was aborted due to timeout' },
  });
});
