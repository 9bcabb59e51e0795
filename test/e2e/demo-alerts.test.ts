import { afterEach, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { isSurge, type Scenario } from '../../demo/scenarios.ts';
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

/** The alerts of each scenario that an on-call engineer wants, with the built-in rules. */
const SCENARIO_ALERTS: readonly (readonly [Scenario, readonly string[]])[] = [
  ['slow-statement', ['slow-queries']],
  ['stuck-queue', ['queue-depth']],
  ['error-burst', ['error-rate']],
  ['payment-outage', ['error-rate', 'outgoing-errors']],
  ['stuck-database', ['breaker-open']],
  ['demand-peak', ['request-rate-surge']],
  ['backlog', ['queue-depth']],
  ['busy-host', ['cpu']],
];

let cleanUp: () => Promise<unknown> = async () => {};
afterEach(() => cleanUp());

/**
 * Runs the demo with the built-in rules.
 *
 * @returns the rules that fired, without inhibited alerts. Alerts about the test machine count only for scenarios
 * that are about it.
 */
async function runDemo(minutes: number, fast: boolean, scenario?: Scenario): Promise<string[]> {
  const server = new PerfscopeServer();
  const demo = new Demo({ fast, scenario, env: server.env, log: () => {} });
  cleanUp = async () => {
    await demo.stop();
    await server.remove();
  };
  await demo.start();
  const fired = new Set<string>();
  const endMs = Date.now() + minutes * MINUTE_MS;
  while (Date.now() < endMs) {
    const response = await fetch(`${demo.serverUrl}/api/performance/alerts`);
    const { alerts } = (await response.json()) as { alerts: LiveAlert[] };
    for (const { rule, state, labels, held = [] } of alerts) {
      const isInhibited = held.some(({ reason }) => reason === 'inhibited');
      const isRelevant = labels.scope !== 'host' || (scenario === 'busy-host' && rule === 'cpu');
      if (state !== 'pending' && !isInhibited && isRelevant) fired.add(rule);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  return [...fired].sort();
}

// Long: in CI, alert-scenarios.test.ts runs a scenario, and alert-evidence.test.ts tests the built-in rules.
it('an hour of the demo without a scenario raises no alert', { tags: 'long' }, async () => {
  expect(await runDemo(60, false)).toEqual([]);
});

// Long: in CI, alert-scenarios.test.ts runs a scenario, and alert-evidence.test.ts tests the built-in rules.
it.each(SCENARIO_ALERTS)(
  'the demo scenario %s raises only the alerts %s',
  { tags: 'long' },
  async (scenario, expected) => {
    const minutes = isSurge(scenario) ? 13 : 8;
    expect(await runDemo(minutes, true, scenario)).toEqual(expected);
  },
);
