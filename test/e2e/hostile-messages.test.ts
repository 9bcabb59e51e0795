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

/** Returns the slowest response of an ordinary route, in ms, while ten requests fail. */
async function measureSlowestResponse(url: string): Promise<number> {
  let slowestMs = 0;
  let isRunning = true;
  const watching = (async () => {
    while (isRunning) {
      const startMs = performance.now();
      await (await fetch(`${url}/rooms/1`)).arrayBuffer();
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
    }
  })();
  const letters = [...'abcdefghij'];
  await Promise.all(letters.map((letter) => fail(url, letter + 'a-'.repeat(7000))));
  isRunning = false;
  await watching;
  return slowestMs;
}

function listErrorRows(): string[] {
  return questdb.lines.filter((line) => line.startsWith('error_logs,'));
}

it('answers other requests while requests fail with hostile messages', async () => {
  const plainMs = await measureSlowestResponse(await startApp([]));
  await app?.stop('SIGKILL');
  const slowestMs = await measureSlowestResponse(await startApp());
  // Patterns with quadratic time delayed the other route by 13 s and more.
  expect(slowestMs - plainMs).toBeLessThan(10_000);
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
