import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
const databases = new PostgresAndRedis();
beforeAll(() => Promise.all([questdb.start(), databases.start()]));
afterAll(() => Promise.all([questdb.remove(), databases.remove()]));

const run = promisify(execFile);

it('does not change anything that an application can observe', async () => {
  const env = {
    ...questdb.serviceEnv,
    ...databases.env,
    PERFORMANCE_ORGANIZATION_HEADER: 'x-org',
  };
  const app = 'test/apps/transparent-instrumentation.cjs';
  const uninstrumented = await run(process.execPath, [app], {
    env: { ...env, QUEUE_PREFIX: 'uninstrumented' },
  });
  const instrumented = await run(
    process.execPath,
    ['--import', './dist/agent-package/register.js', app],
    {
      env: { ...env, QUEUE_PREFIX: 'instrumented' },
    },
  );
  expect(uninstrumented.stdout.split('\n').length).toBeGreaterThan(40);
  expect(maskParents(instrumented.stdout)).toBe(maskParents(uninstrumented.stdout));
  // The second run was measured.
  await waitFor(async () => (await questdb.sql('queue_metrics LIMIT 1')).length > 0);
});

/** Removes the parents of flow jobs. They contain a random ID and the queue prefix of the run. */
function maskParents(text: string): string {
  return text.replace(/"parent":\{[^}]*\}/g, '"parent":{}');
}
