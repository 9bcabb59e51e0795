import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { readSpooledLines } from '../support/spool-fixtures.ts';
import { waitFor } from '../support/wait-for.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-peers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Responses of a server that is not QuestDB, or that has failed. */
const PEERS: Record<string, (response: ServerResponse) => void> = {
  hang: () => {},
  drip: (response) => {
    response.write('{');
    const timer = setInterval(() => response.write(' '), 100);
    cleanups.push(() => clearInterval(timer));
  },
  reset: (response) => response.socket?.resetAndDestroy(),
  close: (response) => response.socket?.destroy(),
  garbage: (response) => response.socket?.end('\0\x01garbage'),
  html: (response) => response.end('<html>proxy</html>'),
  redirect: (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'bad request': (response) => response.writeHead(400).end('bad'),
  'server error': (response) => response.writeHead(500).end('no'),
  unauthorized: (response) => response.writeHead(401).end(),
  'another JSON': (response) => response.end('{"dataset":5,"columns":null}'),
  null: (response) => response.end('null'),
  'an invalid version': (response) => response.end('{"dataset":[["x"],[null]]}'),
  'endless headers': (response) => {
    const timer = setInterval(() => response.socket?.write(`a: ${'b'.repeat(1000)}\r\n`), 5);
    cleanups.push(() => clearInterval(timer));
  },
};

async function startPeer(respond: (response: ServerResponse) => void) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.authorization}`);
    request.on('error', () => {});
    response.on('error', () => {});
    respond(response);
  });
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${await listenOnFreePort(server)}`, requests };
}

function start(script: string, env: NodeJS.ProcessEnv, flags?: string[]): InstrumentedApp {
  return new InstrumentedApp(script, {
    env: {
      ...process.env,
      PERFORMANCE_SPOOL_DIR: join(folder, `spool-${cleanups.length}`),
      PERFORMANCE_FLUSH_INTERVAL: '100',
      ...env,
    },
    ...(flags && { flags }),
  });
}

/**
 * Expects that the process ends when its work is done. The peers never end a request, and without a time limit at
 * exit, the agent would wait longer than this for its requests. Even on a busy machine, the end takes a few seconds.
 */
async function expectExitInTime(app: InstrumentedApp): Promise<void> {
  await waitFor(async () => app.stdout === 'working\n');
  app.child.kill('SIGUSR2');
  const workEndMs = performance.now();
  expect(await app.exited).toBe(0);
  expect(performance.now() - workEndMs).toBeLessThan(20_000);
  expect(app.stdout).toBe('working\nwork done\n');
}

it.each(Object.keys(PEERS))(
  'an application ends in time if QuestDB answers with: %s',
  async (peer) => {
    const { url, requests } = await startPeer(PEERS[peer]!);
    const app = start('test/apps/short-lived.cjs', { PERFORMANCE_QUESTDB_URL: url });
    await waitFor(async () => requests.length > 0);
    await expectExitInTime(app);
    expect(app.stderr).not.toMatch(/Error|Perfscope failed/);
  },
);

it('an application ends in time if QuestDB refuses connections', async () => {
  for (const url of ['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1']) {
    const app = start('test/apps/short-lived.cjs', { PERFORMANCE_QUESTDB_URL: url });
    await expectExitInTime(app);
  }
});

it('functions that an application replaces see no request and no password', async () => {
  const { url, requests } = await startPeer((response) => response.end('{"dataset":[]}'));
  const named = url.replace('127.0.0.1', 'localhost');
  const app = start('test/apps/replaced-network.cjs', {
    PERFORMANCE_QUESTDB_URL: named.replace('//', '//admin:secret@'),
    PERFORMANCE_SERVER_URL: named,
    PERFORMANCE_API_KEY: 'secret-key',
  });
  const authorization = Buffer.from('admin:secret').toString('base64');
  const statement = new RegExp(`^/exec.* Basic ${authorization}`);
  await waitFor(
    async () =>
      requests.some((request) => statement.test(request)) &&
      requests.includes('/api/performance/actions Bearer secret-key'),
  );
  app.child.kill('SIGUSR2');
  expect(await app.exited).toBe(0);
  expect(app.stdout).toBe('calls: none\n');
});

it.skipIf(process.geteuid?.() !== 0)(
  'an application continues after it has dropped the permission to write to the spool',
  async () => {
    const spool = join(folder, 'root-spool');
    mkdirSync(spool, { mode: 0o700 });
    const app = start('test/apps/drop-root.mjs', {
      PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1',
      PERFORMANCE_SPOOL_DIR: spool,
      PERFORMANCE_SPOOL_MAX_BYTES: '1048576',
    });
    await waitFor(async () => readSpooledLines(spool).length > 0);
    app.child.kill('SIGUSR2');
    await waitFor(
      async () =>
        /reached (its|their) limit of/.test(app.stderr) &&
        /could not be deleted \((EACCES|EPERM)/.test(app.stderr),
    );
    app.child.kill('SIGUSR2');
    expect(await app.exited).toBe(0);
    expect(app.stdout).toBe('work done\n');
    expect(app.stderr).not.toContain('Perfscope failed');
  },
);
