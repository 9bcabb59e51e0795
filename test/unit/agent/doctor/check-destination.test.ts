import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { checkDestination } from '../../../../src/agent/doctor/check-destination.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { writeDiscoveryFile } from '../../../../src/core/config/server-discovery.ts';
import { getProcessIdentity } from '../../../../src/core/process-identity.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-destination-'));
const discoveryFile = join(folder, 'perfscope', 'server.json');
const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  rmSync(discoveryFile, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts an HTTP server, and returns its host and port. */
async function serve(respond: RequestListener): Promise<string> {
  const server = createHttpServer(respond);
  closers.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return `127.0.0.1:${await listenOnFreePort(server)}`;
}

/** Returns a host and a port on which nothing listens. */
async function findClosedAddress(): Promise<string> {
  const server = createServer();
  const port = await listenOnFreePort(server);
  await new Promise((done) => server.close(done));
  return `127.0.0.1:${port}`;
}

function check(url: string, timeoutMs?: number) {
  const { settings } = parseSettings({ PERFORMANCE_QUESTDB_URL: url });
  return checkDestination({ settings, discoveryFile }, { timeoutMs });
}

const sendTime: RequestListener = (_request, response) =>
  response.end('{"columns":[{"name":"systimestamp","type":"TIMESTAMP"}],"dataset":[["2026"]]}');

describe('a configured QuestDB', () => {
  it('responds', async () => {
    const authorizations: unknown[] = [];
    const address = await serve((request, response) => {
      authorizations.push(request.headers.authorization);
      sendTime(request, response);
    });
    expect(await check(`http://user:secret%20%@${address}/path`)).toBe(
      `✓ rows are sent to http://${address}`,
    );
    expect(authorizations).toEqual([`Basic ${btoa('user:secret%20%')}`]);
  });

  it("can't be reached", async () => {
    const address = await findClosedAddress();
    expect(await check(`http://user:secret@${address}`)).toBe(
      `✗ rows are not sent: http://${address} can't be reached: connect ECONNREFUSED ${address}`,
    );
  });

  it('does not respond in time', async () => {
    const address = await serve(() => {});
    expect(await check(`http://user:secret@${address}`, 50)).toMatch(
      new RegExp(`^✗ rows are not sent: http://${address} can't be reached: .*time`),
    );
  });

  it('rejects the credentials', async () => {
    const address = await serve((_request, response) => response.writeHead(401).end());
    expect(await check(`http://user:secret@${address}`)).toBe(
      `✗ rows are not sent: http://${address} does not accept requests: HTTP 401 Unauthorized`,
    );
  });

  it.each(['<html>', '{"status":"ok"}'])('is another server that responds %s', async (body) => {
    const address = await serve((_request, response) => response.end(body));
    expect(await check(`http://${address}`)).toMatch(/^✗ rows are not sent: .*not from QuestDB/);
  });
});

describe('the QuestDB of the local server', () => {
  const { settings } = parseSettings({});
  const write = (address: string, writesPaused?: string) =>
    writeDiscoveryFile(discoveryFile, {
      process: getProcessIdentity(process.pid),
      serverUrl: 'http://127.0.0.1:4001',
      spoolDir: folder,
      questdb: {
        write: { url: `http://${address}`, authorization: 'Basic c2VjcmV0' },
        read: { host: '127.0.0.1', port: 1, user: 'u', password: 'secret', database: 'qdb' },
        writesPaused,
      },
    });

  it('responds', async () => {
    const address = await serve(sendTime);
    write(address);
    const line = await checkDestination({ settings, discoveryFile });
    expect(line).toBe(`✓ rows are sent to http://${address}`);
  });

  it("can't be reached", async () => {
    const address = await findClosedAddress();
    write(address);
    const line = await checkDestination({ settings, discoveryFile });
    expect(line).toContain(`✗ rows are not sent: http://${address} can't be reached: connect`);
    expect(line).not.toMatch(/secret|c2VjcmV0/);
  });

  it('has paused writes', async () => {
    write(await serve(sendTime), 'little disk space is left');
    const line = await checkDestination({ settings, discoveryFile });
    expect(line).toBe('✗ rows wait in the spool: little disk space is left');
  });

  it('is not running', async () => {
    const line = await checkDestination({ settings, discoveryFile });
    expect(line).toMatch(/^✗ rows are not sent: no server is running on this machine/);
  });
});
