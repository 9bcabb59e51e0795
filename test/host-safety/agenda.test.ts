import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FerretdbServer } from '../support/ferretdb-server.ts';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
const ferretdb = new FerretdbServer();
beforeAll(() => ferretdb.start());
afterAll(() => Promise.all([ferretdb.remove(), runner.remove()]));

const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);

// One after the other, because FerretDB serializes all writes.
it.each([
  ['queues-1', 'state', 'code 0'],
  ['queues-1', 'thrown', 'code 1'],
  ['queues-2', 'state', 'code 0'],
  ['queues-2', 'rejected', 'code 1'],
  ['queues-2', 'exit', 'code 7'],
] as const)(
  'an application with Agenda of %s behaves as without the agent: %s',
  async (folder, scenario, expected) => {
    const args = ['agenda.cjs', scenario, resolve('test/libraries', folder)];
    const env = { MONGODB_URL: ferretdb.url, NODE_NO_WARNINGS: '1' };
    const { exit, stdout, stderr } = await runner.expectSameBehavior({ args, env }, variants);
    expect(exit, stderr).toBe(expected);
    expect(stdout).toMatch(/mail .*\{"address":"a"\}/);
  },
);
