import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startInterval } from '../../src/core/guarded-timers.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

/** Built-in rules with shorter windows, so that the test is fast. */
const FAST_RULES = `interval: 1s
rules:
  - { name: outgoing-errors, measure: { window: 5s }, for: 0s, keepFiringFor: 2m }
  - { name: error-rate, measure: { window: 5s }, keepFiringFor: 2m }
`;

const server = new PerfscopeServer({ OTEL_METRIC_EXPORT_INTERVAL: '500' });
const payments = createServer((_request, response) => response.end('paid'));
let app: InstrumentedApp | undefined;
let timer: NodeJS.Timeout | undefined;
afterAll(async () => {
  clearInterval(timer);
  await app?.stop();
  payments.close();
  await server.remove();
});

interface ListedAlert {
  readonly cause?: string;
  readonly labels: { readonly endpoint?: string };
  readonly annotations: { readonly summary: string };
}

it('an outage of another host raises an alert that names the host and the kind of error', async () => {
  server.env.PERFORMANCE_RULES_FILE = join(server.folder, 'rules.yaml');
  writeFileSync(server.env.PERFORMANCE_RULES_FILE, FAST_RULES);
  await server.start();
  const host = `127.0.0.1:${await listenOnFreePort(payments)}`;
  const env = {
    ...server.env,
    OTEL_SERVICE_NAME: 'shop',
    PAYMENTS_URL: `http://${host}/pay?card=1`,
  };
  app = new InstrumentedApp('test/apps/payments.mjs', { env });
  const url = await app.url();
  timer = startInterval('the load', () => fetch(`${url}/pay`).then((r) => r.text()), 50);

  // The cause compares with the time before the outage.
  await waitFor(async () => {
    const [[count, seconds] = []] =
      await server.sql(`SELECT sum(count), datediff('s', min(timestamp), max(timestamp))
      FROM performance_metrics WHERE metric_type = 'OUTGOING_REQUEST_TIME'`);
    return Number(count) > 100 && Number(seconds) > 10;
  });
  expect(await listAlerts('outgoing-errors')).toEqual([]);
  payments.close();
  payments.closeAllConnections();

  const outage = await waitFor(async () => {
    const alerts = await listAlerts('outgoing-errors');
    return alerts.find(({ cause = '' }) => cause.includes('`refused`'));
  });
  expect(outage.labels.endpoint).toBe(host);
  expect(outage.annotations.summary).toMatch(
    new RegExp(`^shop: \\d+(\\.\\d+)? % of calls to ${host.replaceAll('.', '\\.')} are failing`),
  );
  expect(outage.cause).toMatch(/\d+ % `refused`/);
  const failing = await waitFor(async () => {
    const alerts = await listAlerts('error-rate');
    return alerts.find(({ cause = '' }) => cause.includes('failed calls to'));
  });
  expect(failing.cause).toContain(`failed calls to \`${host}\` up from 0 %`);

  const { stdout } = await runPerfscope(['outgoing', '--last', '5m'], server.env);
  expect(stdout).toMatch(new RegExp(`${host} +shop .*refused`));
  const response = await fetch(`${server.url}/api/performance/outgoing?last=5m`);
  const { hosts } = (await response.json()) as { hosts: { group: object; errorRates: object }[] };
  expect(hosts).toMatchObject([
    { group: { endpoint: host }, errorRates: { refused: expect.any(Number) } },
  ]);
});

async function listAlerts(rule: string): Promise<ListedAlert[]> {
  const response = await fetch(`${server.url}/api/performance/alerts?rule=${rule}&state=firing`);
  return ((await response.json()) as { alerts: ListedAlert[] }).alerts;
}
