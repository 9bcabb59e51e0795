import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import type { Scenario } from '../../demo/scenarios.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

/**
 * Built-in rules with shorter windows and lower thresholds, so that the test is fast. On a busy machine, a window can
 * be empty, so alerts keep firing until the test has acknowledged them.
 */
const FAST_RULES = `interval: 2s
rules:
  - { name: slow-queries, measure: { window: 20s }, thresholds: { warning: 5 }, for: 0s, minimumCount: 5, keepFiringFor: 2m }
  - { name: error-rate, measure: { window: 1m }, keepFiringFor: 2m }
  - { name: outgoing-errors, measure: { window: 1m }, for: 0s, keepFiringFor: 2m }
  - { name: oldest-waiting-job, measure: { window: 20s }, thresholds: { warning: 8000 }, for: 0s, keepFiringFor: 2m }
  - name: busy-loop
    measure: { type: EVENT_LOOP_DELAY, aggregate: mean, groupBy: [service], window: 20s, filter: { service: booking } }
    thresholds: { high: 40 }
    # Startup also delays the event loop, but for less time.
    for: 8s
    keepFiringFor: 2m
`;

/** Kind and subject of the first cause of the scenario's incident. */
type FirstCause = readonly [kind: string, subject: RegExp];

interface LiveAlert {
  readonly id: string;
  readonly cause?: string;
}

interface LiveIncident {
  readonly alerts: readonly { readonly id: string }[];
  readonly causes: readonly { readonly kind: string; readonly subject: string }[];
}

type ScenarioCase = readonly [
  scenario: Scenario,
  rule: string,
  cause: RegExp | undefined,
  firstCause: FirstCause,
];

const CI_SCENARIOS: readonly ScenarioCase[] = [
  [
    'slow-statement',
    'slow-queries',
    /% from `SELECT pg_sleep/,
    ['statement_time', /^SELECT pg_sleep/],
  ],
];
const LONG_SCENARIOS: readonly ScenarioCase[] = [
  ['payment-outage', 'outgoing-errors', /100 % `refused`/, ['failed_calls', /^localhost:/]],
  ['error-burst', 'error-rate', /% from `POST .*bookings`/, ['errors', /^POST .*bookings$/]],
  // Nothing in the data explains why the workers don't process jobs.
  ['stuck-queue', 'oldest-waiting-job', undefined, ['stuck_queue', /^confirmation-emails$/]],
  ['busy-host', 'busy-loop', undefined, ['cpu', /./]],
];

let cleanUp: () => Promise<unknown> = async () => {};
afterEach(() => cleanUp());

const TITLE = 'the demo scenario %s triggers the rule %s';
it.each(CI_SCENARIOS)(TITLE, expectAlert);
// Long: in CI, `slow-statement` covers the demo scenarios, and the tests of the server cover the other rules.
it.each(LONG_SCENARIOS)(TITLE, { tags: 'long' }, expectAlert);

async function expectAlert(...[scenario, rule, cause, firstCause]: ScenarioCase): Promise<void> {
  const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '1000' });
  const rules = join(server.folder, 'rules.yaml');
  writeFileSync(rules, FAST_RULES);
  server.env.PERFORMANCE_RULES_FILE = rules;
  const demo = new Demo({ fast: true, scenarios: [scenario], env: server.env, log: () => {} });
  cleanUp = async () => {
    await demo.stop();
    await server.remove();
  };
  expect((await runPerfscope(['check-config'], server.env)).status).toBe(0);
  await demo.start();
  const alert = await waitFor(async () => {
    const response = await fetch(
      `${demo.serverUrl}/api/performance/alerts?rule=${rule}&state=firing`,
    );
    const { alerts } = (await response.json()) as { alerts: LiveAlert[] };
    return alerts.find((each) => cause === undefined || cause.test(each.cause ?? '')) ?? false;
  });
  // The first analysis can be based on few rows. The next ones correct it.
  const [kind, subject] = firstCause;
  let incidents: readonly LiveIncident[] = [];
  const incident = await waitFor(async () => {
    const response = await fetch(`${demo.serverUrl}/api/performance/incidents`);
    ({ incidents } = (await response.json()) as { incidents: LiveIncident[] });
    return (
      incidents.find(
        ({ causes: [first] }) => first?.kind === kind && subject.test(first.subject),
      ) ?? false
    );
  }).catch(() => undefined);
  expect(incident, JSON.stringify(incidents)).toBeDefined();
  expect(incident?.alerts.map(({ id }) => id)).toContain(alert.id);
  const listed = await runPerfscope(['alerts', '--json', '--url', demo.serverUrl], server.env);
  expect(listed.stdout).toContain(alert.id);
  const acknowledged = await runPerfscope(
    ['alerts', 'ack', alert.id, '--comment', 'seen', '--url', demo.serverUrl],
    server.env,
  );
  expect(acknowledged.stdout + acknowledged.stderr).toContain('Acknowledged');
}
