import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import type { Scenario } from '../../demo/scenarios.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

/** The built-in rules, with windows and levels for a minute's demo. */
const QUICK = `interval: 2s
rules:
  - { name: slow-queries, measure: { window: 20s }, thresholds: { warning: 5 }, minimumCount: 3 }
  - { name: error-rate, measure: { window: 20s }, minimumCount: 3 }
  - { name: oldest-waiting-job, measure: { window: 20s }, thresholds: { warning: 8000 } }
  - name: busy-loop
    measure: { type: EVENT_LOOP_DELAY, aggregate: mean, groupBy: [service], window: 5s, filter: { service: booking } }
    thresholds: { high: 40 }
    # A start is slow too, but soon over.
    for: 8s
`;

const SCENARIOS: readonly [Scenario, string][] = [
  ['slow-statement', 'slow-queries'],
  ['error-burst', 'error-rate'],
  ['stuck-queue', 'oldest-waiting-job'],
  ['busy-host', 'busy-loop'],
];

let ending: () => Promise<unknown> = async () => {};
afterEach(() => ending());

it.each(SCENARIOS)(
  'the scenario %s raises %s',
  async (scenario, rule) => {
    const product = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '1000' });
    const rules = join(product.folder, 'rules.yaml');
    writeFileSync(rules, QUICK);
    product.env.PERFORMANCE_RULES_FILE = rules;
    const demo = new Demo({ fast: true, scenario, env: product.env, log: () => {} });
    ending = async () => {
      await demo.stop();
      await product.remove();
    };
    expect(runPerfscope(['check-config'], product.env).status).toBe(0);
    await demo.start();
    const alert = await waitFor(async () => {
      const answer = await fetch(
        `${demo.serverUrl}/api/performance/alerts?rule=${rule}&state=firing`,
      );
      const { alerts } = (await answer.json()) as { alerts: { cause?: string; id: string }[] };
      return alerts[0]?.cause !== undefined && alerts[0];
    }, 120_000);
    expect(alert.cause).toMatch(/\d/);
    const listed = runPerfscope(['alerts', '--json', '--url', demo.serverUrl], product.env);
    expect(listed.stdout).toContain(alert.id);
    const acknowledged = runPerfscope(
      ['alerts', 'ack', alert.id, '--comment', 'seen', '--url', demo.serverUrl],
      product.env,
    );
    expect(acknowledged.stdout + acknowledged.stderr).toContain('Acknowledged');
  },
  240_000,
);
