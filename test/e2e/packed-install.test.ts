import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computePercentile } from '../../src/core/histogram/percentiles.ts';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { sendAbortedRequests, sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer({ PERFORMANCE_IGNORE_ROUTES: '/healthz,/internal/*' });
const perfscope = new PackedInstall('perfscope');
const agent = new PackedInstall('@perfscope/agent');
beforeAll(() => server.start());
afterAll(async () => {
  await server.remove();
  for (const install of [perfscope, agent]) install.remove();
});

describe('package perfscope with Express 5', () => checkInstall(perfscope, 'express@5.3.0'));
// Long: in CI, version-matrix.test.ts counts the requests of the agent package with Express 4.
describe('package @perfscope/agent with Express 4', { tags: 'long' }, () =>
  checkInstall(agent, 'express@4.21.2'),
);

function checkInstall(install: PackedInstall, express: string): void {
  beforeAll(() => install.install(express));

  it.each(['hotel-esm.mjs', 'hotel-cjs.cjs'])('counts every request of %s', async (script) => {
    const service = `${express}-${script}`;
    const env = { ...server.env, OTEL_SERVICE_NAME: service };
    const app = new InstrumentedApp(script, {
      env,
      cwd: install.folder,
      register: install.register,
    });
    const base = await app.url();
    const [, rooms, booked, broken, gone, unknown, root, aborted] = await Promise.all([
      sendRequests(`${base}/healthz`, 50),
      sendRequests(`${base}/rooms/7?guest=a`, 400, { connections: 16 }),
      sendRequests(`${base}/api/o/properties/p/bookings`, 150, { method: 'POST' }),
      sendRequests(`${base}/api/o/broken`, 60),
      sendRequests(`${base}/api/o/gone`, 40),
      sendRequests(`${base}/nowhere/at/all`, 30),
      sendRequests(`${base}/`, 20),
      sendAbortedRequests(`${base}/api/o/slow`, 10),
      sendRequests(`${base}/api/o/properties/p/bookings/1`, 150),
    ]);
    const exact = (await (await fetch(`${base}/internal/exact`)).json()) as number[];
    expect(await app.stop()).toBe('SIGTERM');
    expect(app.output).not.toContain('perfscope: ');

    const total = 400 + 150 + 60 + 40 + 30 + 20 + 10 + 150;
    const rows = await waitFor(async () => {
      const found = await server.sql(
        `SELECT endpoint, operation, sum(count), sum(error_count), sum(aborted_count)
         FROM performance_metrics
         WHERE service = '${service}' AND metric_type = 'API_RESPONSE_TIME'
         ORDER BY endpoint, operation`,
      );
      return found.reduce((sum, row) => sum + Number(row[2]) + Number(row[4]), 0) >= total && found;
    });
    expect(rows).toEqual([
      ['(not found)', 'GET', unknown, 0, 0],
      ['/', 'GET', root, 0, 0],
      ['/api/:organization/broken', 'GET', broken, broken, 0],
      ['/api/:organization/gone', 'GET', gone, 0, 0],
      ['/api/:organization/properties/:property/bookings', 'POST', booked, 0, 0],
      ['/api/:organization/properties/:property/bookings/:id', 'GET', 150, 0, 0],
      ['/api/:organization/slow', 'GET', 0, 0, aborted],
      ['/rooms/:id', 'GET', rooms, 0, 0],
    ]);

    const [[failures, stack] = []] = await waitFor(async () => {
      const found = await server.sql(
        `SELECT sum(count), min(stack_trace) FROM error_logs
         WHERE service = '${service}' AND endpoint = '/api/:organization/broken'`,
      );
      return Number(found[0]?.[0]) === broken && found;
    });
    expect([failures, stack]).toEqual([
      broken,
      expect.stringMatching(/intentional failure\n +at .*hotel/),
    ]);

    const buckets = await waitFor(async () => {
      const found = await server.sql(
        `SELECT bucket_upper, sum(count) FROM metric_buckets
         WHERE service = '${service}' AND endpoint = '/rooms/:id'`,
      );
      return found.reduce((sum, row) => sum + Number(row[1]), 0) >= rooms && found;
    });
    const counts = buckets.map(([bound, count]) => ({
      bound: Number(bound),
      count: Number(count),
    }));
    const sorted = exact.toSorted((a, b) => a - b);
    expect(sorted).toHaveLength(rooms);
    // On a busy machine, many requests finish at the same moment. In such a cluster, a bucket
    // percentile is within 5 % of a request whose rank is at most 1 percentage point away.
    const requestAtRank = (q: number) => sorted[Math.ceil(q * rooms) - 1]!;
    for (const q of [0.5, 0.95]) {
      const percentile = computePercentile(counts, q)!;
      expect(percentile).toBeGreaterThan(0.95 * requestAtRank(q - 0.01));
      expect(percentile).toBeLessThan(1.05 * requestAtRank(q + 0.01));
    }

    await expectRows(
      () =>
        server.sql(
          `SELECT name, sum(sum), sum(count) FROM performance_metrics
           WHERE service = '${service}' AND name LIKE 'hotel.%' ORDER BY name`,
        ),
      [
        ['hotel.bookings', booked, null],
        ['hotel.price', booked * 120, booked],
      ],
    );
  });
}

it('installs the command and the dashboards', () => {
  const { PERFORMANCE_DATA_DIR: _, ...env } = server.env;
  const cwd = perfscope.folder;
  const command = join(cwd, 'node_modules/.bin/perfscope');
  const help = spawnSync(command, ['--help'], { env, cwd, encoding: 'utf8' });
  expect(help.stdout).toMatch(/serve.*demo.*migrate.*check-config.*doctor.*wipe/s);
  const dashboards = 'grafana/provisioning/dashboards/json';
  expect(readdirSync(join(cwd, 'node_modules/perfscope', dashboards))).toEqual(
    readdirSync(dashboards),
  );
  const demo = spawnSync(command, ['demo', '--fast'], { env, cwd, encoding: 'utf8' });
  expect(demo.status).toBe(1);
  expect(demo.stderr).toMatch(/PS_DEMO_INCOMPLETE.*npm install bullmq ioredis/);
});
