import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { PerfscopeClient } from '../../src/client/perfscope-client.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const WITHIN_MS = 150_000;
/** Of the built-in rules, what is wanted here is quick enough for a test. */
const QUICK = `interval: 2s
rules:
  - { name: breaker-open, measure: { window: 5s } }
  - name: bookings-fail
    measure: { type: API_RESPONSE_TIME, aggregate: error_ratio, groupBy: [service], window: 10s, filter: { service: booking } }
    thresholds: { high: 1 }
    annotations: { breaker: bookings-database }
`;

const product = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '1000' });
const demo = new Demo({ fast: true, scenario: undefined, env: product.env, log: () => {} });
let client: PerfscopeClient;

beforeAll(async () => {
  const rules = join(product.folder, 'rules.yaml');
  writeFileSync(rules, QUICK);
  product.env.PERFORMANCE_RULES_FILE = rules;
  await demo.start();
  client = new PerfscopeClient({ url: demo.serverUrl });
}, 120_000);
afterAll(async () => {
  await demo.stop();
  await product.remove();
}, 60_000);

/** What became of bookings until now, by status. */
function bookings(status: number): number {
  return [...demo.traffic!.responses]
    .filter(([key]) => key.startsWith('POST bookings ') && key.endsWith(` ${status}`))
    .reduce((sum, [, count]) => sum + count, 0);
}

async function breakerState(): Promise<unknown> {
  const rows = await product.sql(
    `SELECT value FROM performance_metrics WHERE name = 'perfscope.breaker.state'
     AND endpoint = 'bookings-database' ORDER BY timestamp DESC LIMIT 1`,
  );
  return rows[0]?.[0];
}

async function alertOf(): Promise<string | undefined> {
  const { alerts } = await client.get('alerts', { rule: ['breaker-open'] });
  return alerts[0]?.state;
}

async function factorOf(property: string): Promise<number> {
  const response = await fetch(`${demo.serviceUrl}/api/properties/${property}/rooms`);
  const rooms = (await response.json()) as { factor: number }[];
  return rooms[0]?.factor ?? Number.NaN;
}

async function settingValue(setting: string): Promise<number | undefined> {
  const { decisions } = await client.get('actions');
  return decisions.find((decision) => decision.setting === setting)?.value;
}

it('a stuck database opens the breaker, and its return closes it', {
  timeout: 400_000,
}, async () => {
  await waitFor(async () => bookings(201) > 3, WITHIN_MS);
  await demo.setScenario('stuck-database');
  await waitFor(async () => (await breakerState()) === 2, WITHIN_MS);
  await waitFor(async () => (await alertOf()) === 'firing', WITHIN_MS);
  const answered = bookings(202);
  await waitFor(async () => bookings(202) > answered + 3, WITHIN_MS);
  expect(bookings(500)).toBe(0);
  await demo.setScenario('none');
  await waitFor(async () => (await breakerState()) === 0, WITHIN_MS);
  const booked = bookings(201);
  await waitFor(async () => bookings(201) > booked + 3, WITHIN_MS);
  await waitFor(async () => (await alertOf()) === undefined, WITHIN_MS);
  const outcomes = await product.sql(
    `SELECT DISTINCT operation FROM performance_metrics WHERE name = 'perfscope.breaker.calls'
     ORDER BY operation`,
  );
  expect(outcomes.flat()).toEqual(['fallback', 'rejected', 'success', 'timeout']);
});

it('an alert opens a breaker, whose own figures are good, and closes it', {
  timeout: 400_000,
}, async () => {
  const before = bookings(202);
  await demo.setScenario('error-burst');
  await waitFor(async () => bookings(202) > before + 3, WITHIN_MS);
  expect((await client.get('actions')).breakers).toMatchObject([
    { name: 'bookings-database', rule: 'bookings-fail' },
  ]);
  await demo.setScenario('none');
  await waitFor(async () => (await client.get('actions')).breakers.length === 0, WITHIN_MS);
  const booked = bookings(201);
  await waitFor(async () => bookings(201) > booked + 3, WITHIN_MS);
  await waitFor(async () => (await breakerState()) === 0, WITHIN_MS);
});

it('a peak of demand raises the prices of one hotel, and they fall again', {
  timeout: 400_000,
}, async () => {
  await demo.setScenario('demand-peak');
  await waitFor(async () => (await factorOf('seaside')) > 1.1, WITHIN_MS);
  for (const other of ['alpine', 'central', 'airport']) expect(await factorOf(other)).toBe(1);
  await demo.setScenario('none');
  await waitFor(async () => (await factorOf('seaside')) === 1, WITHIN_MS);
  await waitFor(async () => {
    const { decisions } = await client.get('decisions', { last: '1h', setting: ['price.factor'] });
    const applied = decisions.filter(({ status }) => status === 'applied');
    expect(new Set(decisions.map(({ propertyId }) => propertyId))).toEqual(new Set(['seaside']));
    return applied.some(({ value }) => value > 1) && applied[0]?.value === 1;
  }, WITHIN_MS);
});

it('a backlog raises the workers until the queue is drained', { timeout: 400_000 }, async () => {
  await demo.setScenario('backlog');
  await waitFor(async () => ((await settingValue('invoices.workers')) ?? 0) > 4, WITHIN_MS);
  const { value } = await client.get('scaling', { queue: ['invoices'] });
  expect(value).toBeGreaterThan(4);
  await waitFor(async () => {
    const rows = await product.sql(
      `SELECT max(value) FROM performance_metrics WHERE name = 'perfscope.scaling.desired'
       AND operation = 'queue' AND endpoint = 'invoices'`,
    );
    return Number(rows[0]?.[0]) > 4;
  }, WITHIN_MS);
  const scraped = await (await fetch(`${demo.serverUrl}/metrics`)).text();
  expect(scraped).toMatch(/^perfscope_scaling_desired\{kind="queue",name="invoices"\} \d/m);
  await waitFor(async () => (await settingValue('invoices.workers')) === undefined, 2 * WITHIN_MS);
  const { queues } = await client.get('queues', { last: '1m', queue: ['invoices'] });
  expect(queues[0]?.depth).toBeLessThan(50);
  const { decisions } = await client.get('decisions', {
    last: '1h',
    setting: ['invoices.workers'],
    status: ['set', 'reset'],
  });
  // Up with the backlog, and back when it is done: no ups and downs between.
  const values = decisions.map((decision) => decision.value).reverse();
  expect(values[0]).toBeGreaterThan(4);
  const turns = values.filter((each, i) => i > 1 && turned(values[i - 2]!, values[i - 1]!, each));
  expect(turns.length).toBeLessThanOrEqual(1);
});

it('a dry run says what was decided, from what is stored', { timeout: 120_000 }, () => {
  const file = 'demo/business-rules.yaml';
  const run = runPerfscope(
    ['rules', 'dry-run', '--since', '15m', '--step', '10s', '--file', file],
    product.env,
  );
  expect(run.stderr).toMatch(/\d+ decisions, evaluated every 10 s/);
  expect(run.stdout).toMatch(/demand-pricing {2}grand-hotels\/seaside {2}set {2}price\.factor 1 →/);
  expect(run.stdout).toMatch(/invoice-workers {2}set/);
});

function turned(a: number, b: number, c: number): boolean {
  return (b - a) * (c - b) < 0;
}
