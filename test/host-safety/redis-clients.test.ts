import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisServer } from '../../demo/database-servers.ts';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
const redis = new RedisServer();
beforeAll(() => redis.start());
afterAll(() => Promise.all([redis.remove(), runner.remove()]));

const FOLDERS = ['ioredis-5', 'ioredis-6', 'redis-4', 'redis-6'];
const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);

it.concurrent.each(
  FOLDERS.flatMap((folder) =>
    ['unhandled', 'state', 'refused'].map((scenario) => [folder, scenario] as const),
  ),
)('an application with %s behaves as without the agent: %s', async (folder, scenario) => {
  const args = ['redis-clients.cjs', scenario, `${process.cwd()}/test/libraries/${folder}`];
  const program = { args, env: { REDIS_URL: redis.url } };
  const { exit } = await runner.expectSameBehavior(program, variants);
  const isCrash =
    scenario === 'unhandled' || (scenario === 'refused' && folder.startsWith('redis'));
  expect(exit).toBe(isCrash ? 'code 1' : 'code 0');
});
