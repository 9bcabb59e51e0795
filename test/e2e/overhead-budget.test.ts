import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new FakeQuestdb();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-overhead-'));
beforeAll(() => questdb.start());
afterAll(() => {
  questdb.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(service: string, limits: Record<string, string>): InstrumentedApp {
  return new InstrumentedApp('test/apps/routes.mjs', {
    env: {
      PATH: process.env.PATH,
      PERFORMANCE_QUESTDB_URL: questdb.url,
      PERFORMANCE_SPOOL_DIR: join(folder, service),
      PERFORMANCE_FLUSH_INTERVAL: '100',
      PERFORMANCE_EXIT_TIMEOUT: '20000',
      OTEL_SERVICE_NAME: service,
      ...limits,
    },
  });
}

/** Returns the rows of a metric of a service, as text. */
function findRows(service: string, metric: string): string[] {
  return questdb.lines.filter(
    (line) =>
      line.startsWith('performance_metrics,') &&
      line.includes(`service=${service},`) &&
      line.includes(`name=${metric},`),
  );
}

const getField = (line: string, name: string) =>
  Number(new RegExp(`[ ,]${name}=(-?[\\d.e-]+)`).exec(line)?.[1]);

const waitForLevel = (service: string, level: number) =>
  waitFor(async () =>
    findRows(service, 'perfscope.agent.overhead.level').some(
      (line) => getField(line, 'value') >= level,
    ),
  );

it('omits details above a memory limit, logs this once, and counts each request', async () => {
  const app = start('memory-limit', { PERFORMANCE_AGENT_MAX_MEMORY: '1' });
  const base = await app.url();
  await sendRequests(`${base}/early/1`, 10);
  await waitForLevel('memory-limit', 4);
  await sendRequests(`${base}/early/2`, 20);
  await sendRequests(`${base}/late/1`, 30);
  expect(await app.stop()).toBe(0);

  const counts = () => {
    const byRoute: Record<string, number> = {};
    for (const line of findRows('memory-limit', 'http.server.request.duration')) {
      const route = /endpoint=([^, ]*)/.exec(line)?.[1] ?? 'combined';
      byRoute[route] = (byRoute[route] ?? 0) + getField(line, 'count');
    }
    return byRoute;
  };
  await waitFor(async () => Object.values(counts()).reduce((sum, each) => sum + each, 0) >= 60);
  expect(counts()).toEqual({ '/early/:id': 30, combined: 30 });
  expect(app.stderr.match(/perfscope: .*exceeds a limit/g)).toHaveLength(1);
  const memory = findRows('memory-limit', 'perfscope.agent.memory.usage');
  expect(getField(memory[0]!, 'value')).toBeGreaterThan(1_000_000);
});

it('measures its own CPU time, and omits details above a CPU limit', async () => {
  const app = start('cpu-limit', { PERFORMANCE_AGENT_MAX_CPU: '0.0001' });
  await app.url();
  await waitForLevel('cpu-limit', 1);
  expect(await app.stop()).toBe(0);
  const shares = findRows('cpu-limit', 'perfscope.agent.cpu.utilization').map((line) =>
    getField(line, 'value'),
  );
  expect(Math.max(...shares)).toBeGreaterThan(0);
  expect(Math.max(...shares)).toBeLessThan(1);
});

it('omits nothing without limits', async () => {
  const app = start('no-limit', {
    PERFORMANCE_AGENT_MAX_MEMORY: '0',
    PERFORMANCE_AGENT_MAX_CPU: '0',
  });
  const base = await app.url();
  await sendRequests(`${base}/late/1`, 5);
  await waitFor(async () => findRows('no-limit', 'perfscope.agent.overhead.level').length >= 5);
  expect(await app.stop()).toBe(0);
  const levels = findRows('no-limit', 'perfscope.agent.overhead.level');
  expect(new Set(levels.map((line) => getField(line, 'value')))).toEqual(new Set([0]));
  expect(app.stderr).toBe('');
});
