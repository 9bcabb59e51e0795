import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FerretdbServer } from '../support/ferretdb-server.ts';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
const mongodb = new FerretdbServer();
beforeAll(() => mongodb.start());
afterAll(() => Promise.all([mongodb.remove(), runner.remove()]));

const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);

it.concurrent.each(
  ['mongodb-4', 'mongodb-7'].flatMap((folder) =>
    ['unhandled', 'state'].map((scenario) => [folder, scenario] as const),
  ),
)('an application with %s behaves as without the agent: %s', async (folder, scenario) => {
  const args = ['mongodb-driver.cjs', scenario, `${process.cwd()}/test/libraries/${folder}`];
  const env = {
    MONGODB_URL: mongodb.url,
    DATABASE: `test${randomUUID().slice(0, 8)}`,
    // Version 4 loads a deprecated module. Node.js prints this unless all callers are in `node_modules`, and the agent
    // of this checkout isn't there.
    NODE_NO_WARNINGS: '1',
  };
  // Stacks are longer with the agent. Its own lines are removed before the comparison.
  const flags = ['--stack-trace-limit=50'];
  const { exit } = await runner.expectSameBehavior({ args, env, flags }, variants);
  expect(exit).toBe(scenario === 'unhandled' ? 'code 1' : 'code 0');
});
