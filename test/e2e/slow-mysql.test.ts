import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { MariadbServer } from '../support/mariadb-server.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

/** The built-in rules with a shorter window, so that the test is fast. */
const FAST_RULES = `interval: 2s
rules:
  - { name: slow-queries, measure: { window: 20s }, for: 0s, minimumCount: 5, keepFiringFor: 2m }
  - { name: database-time, measure: { window: 20s }, thresholds: { warning: 100 }, keepFiringFor: 2m }
`;

const server = new PerfscopeServer({ OTEL_METRIC_EXPORT_INTERVAL: '500' });
const database = new MariadbServer();
let app: InstrumentedApp | undefined;
beforeAll(async () => {
  server.env.PERFORMANCE_RULES_FILE = join(server.folder, 'rules.yaml');
  writeFileSync(server.env.PERFORMANCE_RULES_FILE, FAST_RULES);
  await Promise.all([server.start(), database.start()]);
  app = new InstrumentedApp('test/libraries/mysql2-3/slow-statements.mjs', {
    env: { ...server.env, MYSQL_URL: database.url, OTEL_SERVICE_NAME: 'hotel' },
  });
});
afterAll(async () => {
  await app?.stop();
  await Promise.all([server.remove(), database.remove()]);
});

it.each(['slow-queries', 'database-time'])(
  'a slow MySQL server triggers the rule %s, which names the statement',
  async (rule) => {
    const cause = await waitFor(async () => {
      const url = `${server.url}/api/performance/alerts?rule=${rule}&state=firing`;
      const { alerts } = (await (await fetch(url)).json()) as { alerts: { cause?: string }[] };
      return alerts.find((each) => each.cause)?.cause ?? false;
    });
    expect(cause).toMatch(/^[\d.]+ % from `SELECT SLEEP\(\?\) AS slow`/);
  },
);

it('lists the slow statement in the API and in the command', async () => {
  const response = await fetch(`${server.url}/api/performance/database`);
  const { figures } = (await response.json()) as Database;
  expect(figures.slowestOperations[0]).toMatchObject({ name: 'SELECT SLEEP(?) AS slow' });
  expect(figures.slowShare).toBeGreaterThan(20);
  const listed = await runPerfscope(['alerts', '--json', '--url', server.url], server.env);
  expect(listed.stdout).toContain('SELECT SLEEP(?) AS slow');
});

interface Database {
  figures: { slowShare: number; slowestOperations: unknown[] };
}
