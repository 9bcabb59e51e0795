import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';

interface LoadedModules {
  readonly files: readonly string[];
  readonly builtins: readonly string[];
}

const spoolDir = mkdtempSync(join(tmpdir(), 'perfscope-startup-'));
/** Responds like a QuestDB that has all tables. */
const questdb = createServer((request, response) => {
  request.resume();
  if (request.url?.startsWith('/write')) response.writeHead(204).end(() => questdb.emit('written'));
  else response.end('{"columns":[],"dataset":[[1],[2],[3],[4],[5],[6]]}');
});
let app: ChildProcess;
let beforeFirstLine: LoadedModules;
let afterFirstWrite: LoadedModules;

beforeAll(async () => {
  const written = once(questdb, 'written');
  app = fork('test/apps/loaded-modules.cjs', {
    execArgv: ['--require', resolve('dist/agent-package/register.js')],
    env: {
      PATH: process.env.PATH,
      PERFORMANCE_QUESTDB_URL: `http://127.0.0.1:${await listenOnFreePort(questdb)}`,
      PERFORMANCE_SPOOL_DIR: spoolDir,
      PERFORMANCE_FLUSH_INTERVAL: '500',
    },
  });
  [beforeFirstLine] = await once(app, 'message');
  await written;
  app.send('list');
  [afterFirstWrite] = await once(app, 'message');
});

afterAll(async () => {
  app.kill('SIGKILL');
  await once(app, 'exit');
  questdb.closeAllConnections();
  questdb.close();
  rmSync(spoolDir, { recursive: true });
});

it.each(['http', 'crypto', 'fs/promises', 'v8'])(
  'does not load %s before the application',
  (name) => {
    expect(beforeFirstLine.builtins).not.toContain(name);
  },
);

it('does not load `http`, `fetch`, and TLS for an HTTP connection', () => {
  expect(afterFirstWrite.builtins).toContain('net');
  expect(afterFirstWrite.builtins).not.toContain('http');
  expect(afterFirstWrite.builtins).not.toContain('internal/deps/undici/undici');
  expect(afterFirstWrite.builtins).not.toContain('https');
});

it.each([
  ['luxon', 'IANAZone'],
  ['pg', 'SASL'],
  ['the Prometheus exporter', '_serializeScopeMetrics'],
])('does not load %s to write rows', (_library, identifier) => {
  expect(afterFirstWrite.files.length).toBeGreaterThan(1);
  for (const file of afterFirstWrite.files) {
    expect(file).toMatch(/agent-package|@opentelemetry.api/);
    expect(readFileSync(file, 'utf8')).not.toContain(identifier);
  }
});
