import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new FakeQuestdb();
const spoolDir = mkdtempSync(join(tmpdir(), 'perfscope-hostile-'));
let app: InstrumentedApp | undefined;
beforeAll(() => questdb.start());
afterEach(() => app?.stop('SIGKILL'));
afterAll(() => {
  questdb.stop();
  rmSync(spoolDir, { recursive: true, force: true });
});

async function startApp(flags?: string[]): Promise<string> {
  app = new InstrumentedApp('test/apps/failing-with-text.cjs', {
    env: {
      ...process.env,
      OTEL_SERVICE_NAME: 'hostile',
      PERFORMANCE_QUESTDB_URL: questdb.url,
      PERFORMANCE_SPOOL_DIR: spoolDir,
      PERFORMANCE_FLUSH_INTERVAL: '1000',
    },
    ...(flags && { flags }),
  });
  return await app.url();
}

async function fail(url: string, text: string): Promise<void> {
  const response = await fetch(`${url}/fail?text=${encodeURIComponent(text)}`);
  expect(response.status).toBe(500);
  await response.arrayBuffer();
}

async function readCpuMs(url: string): Promise<number> {
  const { user, system } = (await (await fetch(`${url}/cpu`)).json()) as NodeJS.CpuUsage;
  return (user + system) / 1000;
}

/**
 * Returns the CPU time that the application uses while ten requests fail. Unlike the response time of another
 * route, it doesn't depend on the load of the machine.
 */
async function measureCpuMs(url: string): Promise<number> {
  const startMs = await readCpuMs(url);
  const letters = [...'abcdefghij'];
  await Promise.all(letters.map((letter) => fail(url, letter + 'a-'.repeat(7000))));
  return (await readCpuMs(url)) - startMs;
}

function listErrorRows(): string[] {
  return questdb.lines.filter((line) => line.startsWith('error_logs,'));
}

it('needs little CPU time for hostile messages, so other requests are answered', async () => {
  const plainMs = await measureCpuMs(await startApp([]));
  await app?.stop('SIGKILL');
  const instrumentedMs = await measureCpuMs(await startApp());
  // Patterns with quadratic time need 13 s and more.
  expect(instrumentedMs - plainMs).toBeLessThan(4000);
  await waitFor(async () => listErrorRows().length > 0);
});

it('stores no secrets of a message', async () => {
  questdb.lines.length = 0;
  const url = await startApp();
  await fail(
    url,
    'GET postgres://u:P@ss@h/?access_token=abc123&a=1 with DB_PASSWORD=hunter2 failed',
  );
  // The spool can still contain errors of the application before this one.
  const row = await waitFor(async () => listErrorRows().find((line) => line.includes('postgres')));
  expect(row).toContain(
    'GET postgres://[credentials]@h/?access_token=[secret]&a=1 with DB_PASSWORD=[secret] failed',
  );
  expect(questdb.lines.join('\n')).not.toMatch(/P@ss|abc123|hunter2/);
});
