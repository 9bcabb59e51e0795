import { createServer, type RequestListener } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { IlpClient, type WriteOutcome } from '../../../../src/storage/write/ilp-client.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function write(onRequest: RequestListener, deadlineMs = 30_000): Promise<WriteOutcome> {
  const server = createServer(onRequest);
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  const client = new IlpClient();
  cleanups.push(() => {
    client.close();
    server.close();
    server.closeAllConnections();
  });
  return client.write({ url }, [Buffer.from('a b=1\n')], deadlineMs);
}

const respond =
  (status: number, body = ''): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status).end(body);
  };

/** The response of QuestDB to an invalid line. */
const rejection = (line: number, errorId: string) =>
  JSON.stringify({
    code: 'invalid',
    message: `failed to parse line protocol:errors encountered on line(s):\nerror in line ${line}: table: t, column: c; cast error`,
    line,
    errorId,
  });

it('accepts only status 204 as success', async () => {
  expect(await write(respond(204))).toEqual({ kind: 'stored' });
  for (const status of [200, 201, 202, 206, 301, 302]) {
    expect(await write(respond(status, '<h1>Maintenance</h1>'))).toEqual({
      kind: 'retry',
      reason: `the response is not from QuestDB (HTTP ${status})`,
    });
  }
});

it('returns the same reason for the same cause, and the line number', async () => {
  const reason = 'table: t, column: c; cast error';
  expect(await write(respond(400, rejection(3, 'a-1')))).toEqual({
    kind: 'rejected',
    reason,
    line: 3,
  });
  expect(await write(respond(400, rejection(17, 'a-2')))).toEqual({
    kind: 'rejected',
    reason,
    line: 17,
  });
});

it('reports a rejection without a line number', async () => {
  const body = '{"code":"invalid","message":"bad request","line":"x"}';
  expect(await write(respond(400, body))).toEqual({
    kind: 'rejected',
    reason: 'bad request',
    line: undefined,
  });
});

it('treats invalid UTF-8 as a rejection, although QuestDB reports an internal error', async () => {
  const message = 'write error: t, errno: -1, error: invalid UTF8 in value for ';
  const body = JSON.stringify({ code: 'internal error', message, line: 2 });
  expect(await write(respond(500, body))).toMatchObject({ kind: 'rejected', line: 2 });
});

it.each([
  [400, '<h1>The plain HTTP request was sent to an HTTPS port</h1>'],
  [400, ''],
  [400, 'null'],
  [401, ''],
  [404, '{"code":"not found"}'],
  [429, ''],
  [503, 'x'],
])('retries after status %i with %j', async (status, body) => {
  expect(await write(respond(status, body))).toMatchObject({ kind: 'retry' });
});

it('reports an internal error of QuestDB, with its line', async () => {
  const body = '{"code":"internal error","message":"no space left on device","line":1}';
  expect(await write(respond(500, body))).toEqual({
    kind: 'failed',
    reason: 'HTTP 500 no space left on device',
    line: 1,
  });
});

it('reports a size limit, a timeout, and a closed connection', async () => {
  expect(await write(respond(413))).toMatchObject({ kind: 'too_large' });
  expect(await write(() => {}, 20)).toMatchObject({ kind: 'timeout' });
  expect(await write((request) => request.socket.destroy())).toMatchObject({ kind: 'cut' });
  const client = new IlpClient();
  expect(await client.write({ url: 'http://127.0.0.1:1' }, [], 1000)).toMatchObject({
    kind: 'retry',
  });
});
