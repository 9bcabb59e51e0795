import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer();
let app: InstrumentedApp;

beforeAll(async () => {
  const rules = join(server.folder, 'rules.yaml');
  writeFileSync(
    rules,
    `interval: 1s
rules:
  - name: demand
    setting: price.factor
    per: organization
    window: 30s
    when: { fact: gauge, params: { name: demand }, operator: greaterThan, value: 10 }
    value: 1.3
    default: 1
    limits: { min: 0.9, max: 1.5 }
    coolDown: 1s
    expiresAfter: 2m
`,
  );
  server.env.PERFORMANCE_BUSINESS_RULES_FILE = rules;
  await server.start();
  app = new InstrumentedApp('test/apps/on-rule.mjs', { args: ['20'], env: server.env });
});
afterAll(async () => {
  await app?.stop();
  await server.remove();
});

const listReceived = () => [...app.output.matchAll(/received (.*)/g)].map(([, text]) => text ?? '');

/** Returns the stored decisions in the format of the application output. */
async function readDecisions(): Promise<string[]> {
  const rows = await server.sql(
    "SELECT status, value, id, seq FROM rule_decisions WHERE author = 'perfscope' AND status != 'renewed' ORDER BY timestamp",
  );
  return rows.map(([status, value, id, seq]) => `${status} ${value} ${id}.${seq}`);
}

it('keeps the active setting in the application while the server is killed and restarted', async () => {
  await waitFor(async () => listReceived().length > 0);
  await waitFor(async () => (await readDecisions()).length > 0);
  expect(listReceived()).toEqual(await readDecisions());
  expect(listReceived()).toEqual([expect.stringMatching(/^set 1\.3 \w+\.1$/)]);
  await server.stop('SIGKILL');
  await server.start();
  // The first successful response of the new server must not reset the setting.
  await waitFor(async () => {
    const response = await fetch(`${server.url}/api/performance/actions`);
    return response.status === 200;
  });
  const { decisions: current } = (await server.get('/api/performance/actions')) as {
    decisions: { value: number }[];
  };
  expect(current).toMatchObject([{ value: 1.3 }]);
  app.child.kill('SIGUSR2');
  await waitFor(async () => listReceived().length > 1);
  expect(listReceived()).toEqual([
    expect.stringMatching(/^set 1\.3 \w+\.1$/),
    expect.stringMatching(/^reset 1 /),
  ]);
  await waitFor(async () => (await readDecisions()).length > 1);
  expect(await readDecisions()).toEqual([
    listReceived()[0],
    expect.stringMatching(/^reset 1 \w+\.\d+$/),
  ]);
});
