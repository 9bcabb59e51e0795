import { hostname } from 'node:os';
import { afterEach, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { type AlertScenario, isSurge } from '../../demo/scenarios.ts';
import { MINUTE_MS } from '../../src/core/duration.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';

/** Time between two reads of the alerts. Alerts fire for longer. */
const POLL_INTERVAL_MS = 5000;

interface LiveAlert {
  readonly rule: string;
  readonly state: string;
  readonly labels: { readonly scope?: string };
  readonly held?: readonly { readonly reason: string }[];
}

interface LiveIncident {
  readonly id: string;
  readonly labels: { readonly scope?: string };
  readonly causes: readonly { readonly kind: string; readonly subject: string }[];
}

interface Expectation {
  /** The rules that an on-call engineer wants to fire, with the built-in rules. Sorted. */
  readonly rules: readonly string[];
  /** Kind and subject of the first cause. */
  readonly cause: readonly [kind: string, subject: RegExp | string];
}

const SCENARIO_EXPECTATIONS: Readonly<Record<AlertScenario, Expectation>> = {
  'slow-statement': { rules: ['slow-queries'], cause: ['statement_time', /^SELECT pg_sleep/] },
  'stuck-queue': { rules: ['queue-depth'], cause: ['stuck_queue', /^confirmation-emails$/] },
  'error-burst': { rules: ['error-rate'], cause: ['errors', /^POST .*\/bookings$/] },
  'payment-outage': {
    rules: ['error-rate', 'outgoing-errors'],
    cause: ['failed_calls', /^localhost:\d+$/],
  },
  'stuck-database': {
    rules: ['breaker-open'],
    cause: ['statement_time', /^SELECT pg_sleep/],
  },
  'demand-peak': {
    rules: ['request-rate-surge'],
    cause: ['requests', /^grand-hotels\/seaside$/],
  },
  backlog: { rules: ['queue-depth'], cause: ['arrivals', /^invoices$/] },
  'busy-host': { rules: ['cpu'], cause: ['cpu', hostname()] },
};

interface DemoResult {
  /** The rules that fired, without inhibited alerts. Sorted. */
  readonly rules: readonly string[];
  /** The last version of each incident, in the order in which they were opened. */
  readonly incidents: readonly LiveIncident[];
}

let cleanUp: () => Promise<unknown> = async () => {};
afterEach(() => cleanUp());

/**
 * Runs the demo with the built-in rules. Alerts and incidents about only the test machine count only for scenarios
 * that are about it.
 */
async function runDemo(
  minutes: number,
  fast: boolean,
  scenario?: AlertScenario,
): Promise<DemoResult> {
  const server = new PerfscopeServer();
  const demo = new Demo({
    fast,
    scenarios: scenario ? [scenario] : [],
    env: server.env,
    log: () => {},
  });
  cleanUp = async () => {
    await demo.stop();
    await server.remove();
  };
  await demo.start();
  const read = async (path: string) => {
    const response = await fetch(`${demo.serverUrl}/api/performance/${path}`);
    return (await response.json()) as { alerts: LiveAlert[]; incidents: LiveIncident[] };
  };
  const isRelevant = (scope: string | undefined) => scope !== 'host' || scenario === 'busy-host';
  const fired = new Set<string>();
  const incidents = new Map<string, LiveIncident>();
  const endMs = Date.now() + minutes * MINUTE_MS;
  while (Date.now() < endMs) {
    for (const { rule, state, labels, held = [] } of (await read('alerts')).alerts) {
      const isInhibited = held.some(({ reason }) => reason === 'inhibited');
      if (state !== 'pending' && !isInhibited && isRelevant(labels.scope)) fired.add(rule);
    }
    // Merged incidents are listed too, because a message about them was sent.
    for (const incident of (await read('incidents')).incidents.toReversed())
      if (isRelevant(incident.labels.scope)) incidents.set(incident.id, incident);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  return { rules: [...fired].sort(), incidents: [...incidents.values()] };
}

// Long: in CI, alert-scenarios.test.ts runs a scenario, and alert-evidence.test.ts tests the built-in rules.
it('an hour of the demo without a scenario raises no alert', { tags: 'long' }, async () => {
  expect(await runDemo(60, false)).toEqual({ rules: [], incidents: [] });
});

// Long: in CI, alert-scenarios.test.ts runs a scenario, and incident-scenarios.test.ts has the rows of each scenario.
it.each(Object.keys(SCENARIO_EXPECTATIONS) as AlertScenario[])(
  'the demo scenario %s raises only the expected alerts, in one incident with its cause first',
  { tags: 'long' },
  async (scenario) => {
    const { rules, cause } = SCENARIO_EXPECTATIONS[scenario];
    const [kind, subject] = cause;
    const found = await runDemo(isSurge(scenario) ? 13 : 8, true, scenario);
    expect(found.rules).toEqual(rules);
    expect(found.incidents).toHaveLength(1);
    expect(found.incidents[0]!.causes[0], JSON.stringify(found.incidents[0])).toMatchObject({
      kind,
      subject: expect.stringMatching(subject),
    });
  },
);
