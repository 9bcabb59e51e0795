import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisServer } from '../../demo/database-servers.ts';
import { installExample } from '../support/install-example.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { RecordedMeasurements, sortRows } from '../support/recorded-measurements.ts';
import { runDoctor } from '../support/run-doctor.ts';
import { waitFor } from '../support/wait-for.ts';

const redis = new RedisServer();
const measurements = new RecordedMeasurements();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-example-worker-'));
const cwd = join(folder, 'worker');
const SERVICE = 'confirmations-worker';

beforeAll(async () => {
  const scripts = installExample('worker', cwd);
  expect(scripts).toMatchObject({
    start: 'node --import @perfscope/agent/register worker.js',
    producer: 'node --import @perfscope/agent/register producer.js',
  });
  await Promise.all([redis.start(), measurements.start()]);
});
afterAll(async () => {
  await redis.remove();
  measurements.remove();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Runs the producer and the worker until all jobs have ended.
 *
 * @param database number of the Redis database, so that each run has its own queue
 * @returns exit code and output of both programs. The jobs of one run end in any order, so the lines are sorted.
 */
async function runJobs(database: number, env: NodeJS.ProcessEnv, flags?: readonly string[]) {
  const options = {
    cwd,
    env: { XDG_RUNTIME_DIR: folder, REDIS_URL: `${redis.url}/${database}`, ...env },
    ...(flags && { flags }),
  };
  const producer = new InstrumentedApp('producer.js', options);
  const results: unknown[] = [await producer.exited, producer.output];
  const worker = new InstrumentedApp('worker.js', options);
  await waitFor(
    async () => worker.stdout.includes('gave up') && worker.stdout.split(': sent\n').length === 5,
  );
  results.push(await worker.stop(), worker.stderr, worker.stdout.split('\n').toSorted());
  return results;
}

it('retries jobs, and has the same output with and without the agent', async () => {
  const env = measurements.getEnv(SERVICE);
  const measured = await runJobs(0, env);
  const plain = await runJobs(1, { PERFORMANCE_MONITORING_ENABLED: 'false' }, []);
  expect(measured).toEqual(plain);
  expect(measured).toEqual([
    0,
    'added 5 jobs\n',
    0,
    '',
    [
      '',
      'booking 13: attempt 1 failed, trying again: Booking 13 has no email address.',
      'booking 13: attempt 2 failed, trying again: Booking 13 has no email address.',
      'booking 13: attempt 3 failed, gave up: Booking 13 has no email address.',
      'booking 1: sent',
      'booking 2: sent',
      'booking 3: sent',
      'booking 7: attempt 1 failed, trying again: The mail server is busy.',
      'booking 7: sent',
      'waiting for jobs in confirmations',
    ],
  ]);
});

it('stores each change of state with the tenant of the job', () => {
  // The producer and the worker both record that a job arrived. QuestDB stores equal rows once.
  const transitions = new Map(
    measurements
      .readRows(SERVICE, 'queue_metrics')
      .map((row) => [`${row.job_id} ${row.status} ${row.attempts}`, row]),
  );
  const counts = new Map<string, number>();
  for (const row of transitions.values()) {
    expect([row.queue_name, row.job_type]).toEqual(['confirmations', 'send']);
    const key = JSON.stringify([row.status, row.organization_id, row.error_message ?? '']);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const rows = [...counts].map(([key, count]) => [...JSON.parse(key), count]);
  expect(sortRows(rows)).toEqual([
    ['active', 'acme', '', 6],
    ['active', 'seaside', '', 2],
    ['completed', 'acme', '', 2],
    ['completed', 'seaside', '', 2],
    ['delayed', 'acme', 'Booking 13 has no email address.', 2],
    ['delayed', 'acme', 'The mail server is busy.', 1],
    ['failed', 'acme', 'Booking 13 has no email address.', 1],
    ['waiting', 'acme', '', 3],
    ['waiting', 'seaside', '', 2],
  ]);
  expect(
    measurements
      .readRows(SERVICE, 'error_logs')
      .map(({ error_type, message, organization_id, stack_trace }) => [
        error_type,
        message,
        organization_id,
        /worker\.js:\d+/.test(stack_trace ?? ''),
      ]),
  ).toEqual([['Error', 'Booking 13 has no email address.', 'acme', true]]);
});

it.each(['worker.js', 'producer.js'])('doctor finds the libraries of %s', async (script) => {
  const env = { ...measurements.getEnv('doctor'), REDIS_URL: `${redis.url}/2` };
  const lines = await runDoctor([script], { cwd, env });
  expect(lines).toEqual([
    expect.stringMatching(/^✓ bullmq 6\.\d+\.\d+$/),
    expect.stringMatching(/^✓ ioredis \d+\.\d+\.\d+$/),
  ]);
});
