import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

const run = promisify(execFile);

it('stores 5xx responses with the thrown error, and does not change the responses', async () => {
  const app = 'test/apps/failing.cjs';
  const env = {
    ...questdb.serviceEnv,
    OTEL_SERVICE_NAME: 'failing',
  };
  const uninstrumented = await run(process.execPath, [app], { env });
  const instrumented = await run(
    process.execPath,
    ['--import', './dist/agent-package/register.js', app],
    {
      env,
    },
  );
  expect(instrumented.stdout).toBe(uninstrumented.stdout);
  expect(uninstrumented.stdout.split('\n')).toHaveLength(12);
  const rows = await waitFor(async () => {
    const found = await questdb.sql(
      `SELECT endpoint, error_type, message, stack_trace, context FROM error_logs
       WHERE service = 'failing' AND kind = 'request' ORDER BY endpoint`,
    );
    return found.length >= 8 && found;
  });
  const stack = expect.stringMatching(/^\w+: .*\n +at .*failing\.cjs:\d+/);
  expect(rows.map((row) => row.slice(0, 4))).toEqual([
    ['/again', 'Error', 'first error', stack],
    ['/next', 'Error', 'passed to next', stack],
    ['/own', 'HTTP 503', 'GET /own responded with 503', null],
    ['/rejects', 'RangeError', 'no bed', stack],
    ['/rooms/:id', 'Error', 'in a router', stack],
    ['/seen', 'Error', 'passed to an error handler', stack],
    ['/text', 'string', 'a plain string', null],
    ['/throws', 'TypeError', 'no room for [email]', stack],
  ]);
  expect(rows.at(-1)?.[3]).toContain('takeRoom');
  expect(JSON.stringify(rows)).not.toContain('ann@');
  expect(JSON.parse(String(rows[0]?.[4]))).toMatchObject({ method: 'GET', status: 500 });
});
