import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
const servers = new PostgresAndRedis();
beforeAll(() => Promise.all([questdb.start(), servers.start()]));
afterAll(() => Promise.all([questdb.remove(), servers.remove()]));

const run = promisify(execFile);

it('an application sees the same with Perfscope as without', async () => {
  const env = {
    PATH: process.env.PATH,
    XDG_RUNTIME_DIR: questdb.folder,
    ...questdb.env,
    ...servers.env,
    PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool`,
    PERFORMANCE_ORGANIZATION_HEADER: 'x-org',
  };
  const app = 'test/apps/transparent-instrumentation.cjs';
  const alone = await run(process.execPath, [app], { env: { ...env, QUEUE_PREFIX: 'alone' } });
  const measured = await run(process.execPath, ['--import', './dist/register.js', app], {
    env: { ...env, QUEUE_PREFIX: 'measured' },
  });
  expect(alone.stdout.split('\n').length).toBeGreaterThan(40);
  expect(withoutIds(measured.stdout)).toBe(withoutIds(alone.stdout));
  // And it was measured meanwhile.
  await waitFor(async () => (await questdb.sql('queue_metrics LIMIT 1')).length > 0);
});

/** A flow's parent has a random id, and each run a prefix of its own. */
function withoutIds(text: string): string {
  return text.replace(/"parent":\{[^}]*\}/g, '"parent":{}');
}
