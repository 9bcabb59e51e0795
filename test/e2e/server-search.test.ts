import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeDiscoveryFile } from '../../src/core/config/server-discovery.ts';
import { getProcessIdentity } from '../../src/core/process-identity.ts';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { readSpooledLines } from '../support/spool-fixtures.ts';
import { waitFor } from '../support/wait-for.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-search-'));
const runtimeFolder = join(folder, 'runtime');
const spoolDir = join(folder, 'spool');
const cwd = join(folder, 'service');
const first = new FakeQuestdb();
const second = new FakeQuestdb();
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  XDG_RUNTIME_DIR: runtimeFolder,
  OTEL_SERVICE_NAME: 'early',
  PERFORMANCE_FLUSH_INTERVAL: '200',
};
let app: InstrumentedApp;

beforeAll(async () => {
  mkdirSync(runtimeFolder, { mode: 0o700 });
  mkdirSync(cwd);
  await Promise.all([first.start(), second.start()]);
});
afterAll(() => {
  app.child.kill('SIGKILL');
  first.stop();
  second.stop();
  rmSync(folder, { recursive: true });
});

/** Starts to look for a server, and then prints that it has found none. */
const EARLY_SERVICE = `
  import { performanceMonitoringService } from ${JSON.stringify(resolve('dist/agent-package/index.js'))};
  const record = () => performanceMonitoringService.recordMetric({ name: 'steady', value: 1 });
  record();
  setInterval(record, 50);
  performanceMonitoringService.flush().catch(({ code }) => console.log(code));
`;

/** Publishes a server whose QuestDB is `questdb`. This process stands for the server. */
function publish(questdb: FakeQuestdb): void {
  writeDiscoveryFile(join(runtimeFolder, 'perfscope/server.json'), {
    process: getProcessIdentity(process.pid),
    serverUrl: 'http://127.0.0.1:1',
    questdb: {
      write: { url: questdb.url },
      read: { host: '127.0.0.1', port: 1, user: 'a', password: 'b', database: 'qdb' },
    },
    spoolDir,
  });
}

it('measures a service that starts before the server, and finds a server with another port', async () => {
  writeFileSync(join(cwd, 'early.mjs'), EARLY_SERVICE);
  app = new InstrumentedApp('early.mjs', { env, cwd });
  await waitFor(async () => app.stdout.includes('PS_NO_TARGET'));
  expect(existsSync(spoolDir)).toBe(false);
  publish(first);
  await waitFor(async () => first.lines.some((line) => line.includes('service=early')));
  first.stop();
  publish(second);
  await waitFor(async () => second.lines.some((line) => line.includes('service=early')));
  await app.stop();
  expect(app.stderr).toBe('');
});

it('keeps the rows of a service that starts while the server is stopped, if the spool is known', async () => {
  rmSync(join(runtimeFolder, 'perfscope'), { recursive: true, force: true });
  const configuredDir = join(folder, 'configured');
  const start = (name: string) => {
    const settings = { PERFORMANCE_SPOOL_DIR: configuredDir, OTEL_SERVICE_NAME: name };
    return new InstrumentedApp('early.mjs', { env: { ...env, ...settings }, cwd });
  };
  app = start('before');
  await waitFor(async () => app.stdout.includes('PS_NO_TARGET'));
  await app.stop();
  expect(app.stderr).toBe('');
  expect(readSpooledLines(configuredDir).join('\n')).toContain('service=before');
  publish(second);
  app = start('after');
  const hasRowsOf = (name: string) => second.lines.some((line) => line.includes(`service=${name}`));
  await waitFor(async () => hasRowsOf('before') && hasRowsOf('after'));
  await app.stop();
  expect(app.stderr).toBe('');
});

it('creates no files if there is no server', async () => {
  rmSync(join(runtimeFolder, 'perfscope'), { recursive: true, force: true });
  writeFileSync(join(cwd, 'app.cjs'), 'setTimeout(() => {}, 1500);');
  app = new InstrumentedApp('app.cjs', { env, cwd });
  expect(await app.exited).toBe(0);
  expect(readdirSync(cwd)).not.toContain('.perfscope');
  expect(app.output).toBe('');
});
