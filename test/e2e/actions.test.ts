import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { PerfscopeClient } from '../../src/client/perfscope-client.ts';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

/** Time in which the workers must clear the backlog. */
const BACKLOG_TIMEOUT_MS = 600_000;
/** Rules with short windows, so that the test is fast. */
const FAST_RULES = `interval: 2s
rules:
  - { name: breaker-open, measure: { window: 5s }, for: 0s }
  - name: bookings-fail
    measure: { type: API_RESPONSE_TIME, aggregate: error_ratio, groupBy: [service], window: 30s, filter: { service: booking } }
    thresholds: { high: 1 }
    annotations: { breaker: bookings-database }
`;

const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '1000' });
const demo = new Demo({ fast: true, env: server.env, log: () => {} });
let client: PerfscopeClient;

beforeAll(async () => {
  const rules = join(server.folder, 'rules.yaml');
  writeFileSync(rules, FAST_RULES);
  server.env.PERFORMANCE_RULES_FILE = rules;
  await demo.start();
  client = new PerfscopeClient({ url: demo.serverUrl });
});
afterAll(async () => {
  await demo.stop();
  await server.remove();
});

/** Returns the number of booking responses with this status so far. */
function countBookings(status: number): number {
  return [...demo.traffic!.responses]
    .filter(([key]) => key.startsWith('POST bookings ') && key.endsWith(` ${status}`))
    .reduce((sum, [, count]) => sum + count, 0);
}

async function readBreakerState(): Promise<unknown> {
  const rows = await server.sql(
    `SELECT value FROM performance_metrics WHERE name = 'perfscope.breaker.state'
     AND endpoint = 'bookings-database' ORDER BY timestamp DESC LIMIT 1`,
  );
  return rows[0]?.[0];
}

async function readAlertState(): Promise<string | undefined> {
  const { alerts } = await client.get('alerts', { rule: ['breaker-open'] });
  return alerts[0]?.state;
}

async function readPriceFactor(property: string): Promise<number> {
  const response = await fetch(`${demo.serviceUrl}/api/properties/${property}/rooms`);
  const rooms = (await response.json()) as { factor: number }[];
  return rooms[0]?.factor ?? Number.NaN;
}

async function readSetting(setting: string): Promise<number | undefined> {
  const { decisions } = await client.get('actions');
  return decisions.find((decision) => decision.setting === setting)?.value;
}

it('opens the breaker while the database is stuck and closes it afterward', async () => {
  await waitFor(async () => countBookings(201) > 3);
  await demo.setScenarios('stuck-database');
  await waitFor(async () => (await readBreakerState()) === 2);
  await waitFor(async () => (await readAlertState()) === 'firing');
  const accepted = countBookings(202);
  await waitFor(async () => countBookings(202) > accepted + 3);
  expect(countBookings(500)).toBe(0);
  await demo.setScenarios();
  await waitFor(async () => (await readBreakerState()) === 0);
  const booked = countBookings(201);
  await waitFor(async () => countBookings(201) > booked + 3);
  await waitFor(async () => (await readAlertState()) === undefined);
  await expectRows(
    () =>
      server.sql(
        `SELECT DISTINCT operation FROM performance_metrics WHERE name = 'perfscope.breaker.calls'
         ORDER BY operation`,
      ),
    [['fallback'], ['rejected'], ['success'], ['timeout']],
  );
});

// Long: in CI, business-rules.test.ts of the server opens a breaker because of an alert.
it('opens a breaker because of an alert, and closes it after the alert resolves', {
  tags: 'long',
}, async () => {
  const before = countBookings(202);
  await demo.setScenarios('error-burst');
  const breaker = await waitFor(async () => {
    const { breakers } = await client.get('actions');
    return countBookings(202) > before + 3 && breakers[0];
  });
  expect(breaker).toMatchObject({ name: 'bookings-database', rule: 'bookings-fail' });
  await demo.setScenarios();
  await waitFor(async () => (await client.get('actions')).breakers.length === 0);
  const booked = countBookings(201);
  await waitFor(async () => countBookings(201) > booked + 3);
  await waitFor(async () => (await readBreakerState()) === 0);
});

it('raises the prices of one hotel during high demand and resets them afterward', async () => {
  await demo.setScenarios('demand-peak');
  await waitFor(async () => (await readPriceFactor('seaside')) > 1.1);
  for (const other of ['alpine', 'central', 'airport'])
    expect(await readPriceFactor(other)).toBe(1);
  await demo.setScenarios();
  await waitFor(async () => (await readPriceFactor('seaside')) === 1);
  await waitFor(async () => {
    const { decisions } = await client.get('decisions', { last: '1h', setting: ['price.factor'] });
    const applied = decisions.filter(({ status }) => status === 'applied');
    expect(new Set(decisions.map(({ propertyId }) => propertyId))).toEqual(new Set(['seaside']));
    return applied.some(({ value }) => value > 1) && applied[0]?.value === 1;
  });
});

// Long: in CI, the prices cover settings in the demo, and business-rules.test.ts of the server covers scaling.
it('increases the workers until the backlog is cleared', { tags: 'long' }, async () => {
  await demo.setScenarios('backlog');
  // The backlog can be cleared between two requests, so the highest values count.
  let [workers, recommended] = [0, 0];
  await waitFor(async () => {
    workers = Math.max(workers, (await readSetting('invoices.workers')) ?? 0);
    const { value } = await client.get('scaling', { queue: ['invoices'] });
    recommended = Math.max(recommended, value ?? 0);
    return workers > 4 && recommended > 4;
  });
  await waitFor(async () => {
    const rows = await server.sql(
      `SELECT max(value) FROM performance_metrics WHERE name = 'perfscope.scaling.desired'
       AND operation = 'queue' AND endpoint = 'invoices'`,
    );
    return Number(rows[0]?.[0]) > 4;
  });
  const metrics = await (await fetch(`${demo.serverUrl}/metrics`)).text();
  expect(metrics).toMatch(/^perfscope_scaling_desired\{kind="queue",name="invoices"\} \d/m);
  await waitFor(
    async () => (await readSetting('invoices.workers')) === undefined,
    BACKLOG_TIMEOUT_MS,
  );
  await waitFor(async () => {
    const { queues } = await client.get('queues', { last: '1m', queue: ['invoices'] });
    return Number(queues[0]?.depth) < 50;
  });
  const { decisions } = await client.get('decisions', {
    last: '1h',
    setting: ['invoices.workers'],
    status: ['set', 'reset'],
  });
  expect(Math.max(...decisions.map(({ value }) => value))).toBeGreaterThan(4);
  expect((await dryRun()).stdout).toMatch(/invoice-workers {2}set/);
});

it('prints the same decisions in a dry run on stored data', async () => {
  const run = await dryRun();
  expect(run.stderr).toMatch(/\d+ decisions, evaluated every 10 s/);
  expect(run.stdout).toMatch(/demand-pricing {2}grand-hotels\/seaside {2}set {2}price\.factor 1 →/);
});

function dryRun() {
  const file = 'demo/business-rules.yaml';
  const args = ['rules', 'dry-run', '--last', '15m', '--step', '10s', '--file', file];
  return runPerfscope(args, server.env);
}
