import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisServer } from '../../demo/database-servers.ts';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
const redis = new RedisServer();
beforeAll(() => redis.start());
afterAll(() => Promise.all([redis.remove(), runner.remove()]));

const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);
const EXITS = { none: 'code 0', unhandled: 'code 1', uncaught: 'code 1', exit: 'code 7' };

it.concurrent.each(
  ['bullmq', 'bull', 'bee-queue'].flatMap((library) =>
    (['none', 'unhandled', 'uncaught', 'exit'] as const).map(
      (scenario) => [library, scenario] as const,
    ),
  ),
)('an application of %s behaves as without the agent: %s', async (library, scenario) => {
  const folder = resolve('test/libraries/queues-2');
  const args = ['queue-libraries.cjs', scenario, library, folder];
  const env = { REDIS_URL: redis.url, QUEUE_NAME: `queue-${randomUUID()}` };
  const { exit } = await runner.expectSameBehavior({ args, env }, variants);
  expect(exit).toBe(EXITS[scenario]);
});
