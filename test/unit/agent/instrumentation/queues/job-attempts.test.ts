import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { JobAttempts } from '../../../../../src/agent/instrumentation/queues/job-attempts.ts';
import type { JobTransition } from '../../../../../src/core/schema/tables/queue-metrics-table.ts';

/** The names of the second half would need at least ten times as much. */
const MAX_GROWTH_BYTES = 5_000_000;
const NAMES = 200_000;

function measureMemory(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

it('keeps memory flat with many names of queues and jobs', () => {
  let count = 0;
  const attempts = new JobAttempts({ onTransition: () => void count++, includeJobData: false });
  const run = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const names = { queueName: `queue-${i}`, jobType: `type-${i}`, jobId: `job-${i}` };
      const job = { ...names, queueScope: 'bull@127.0.0.1:6379/0', createdMs: i };
      attempts.recordArrival(job);
      attempts.complete(attempts.start(job, i));
    }
  };
  run(0, NAMES / 2);
  const half = measureMemory();
  run(NAMES / 2, NAMES);
  expect(measureMemory() - half).toBeLessThan(MAX_GROWTH_BYTES);
  expect(count).toBe(3 * NAMES);
});

it('gives each row of a job that is retried forever its own time', () => {
  const rows: JobTransition[] = [];
  const attempts = new JobAttempts({
    onTransition: (row) => rows.push(row),
    includeJobData: false,
  });
  const job = { queueName: 'mail', queueScope: 'a', jobId: '1', createdMs: Date.now() };
  attempts.recordArrival(job);
  for (let i = 0; i < 1000; i++) attempts.fail(attempts.start(job, undefined), 'poison', 'waiting');
  expect(new Set(rows.map(({ timestamp }) => timestamp)).size).toBe(2001);
  expect(rows.filter(({ errorMessage }) => errorMessage === 'poison')).toHaveLength(1000);
});

it('ends an attempt once, and excludes the time after its code ended', async () => {
  const rows: JobTransition[] = [];
  const attempts = new JobAttempts({
    onTransition: (row) => rows.push(row),
    includeJobData: false,
  });
  const attempt = attempts.start({ queueName: 'mail', queueScope: 'a', jobId: '1' }, undefined);
  attempts.stop(attempt);
  const { stoppedMs = 0, startMs } = attempt;
  await new Promise((done) => setTimeout(done, 5));
  attempts.complete(attempt);
  attempts.fail(attempt, new Error('late'), 'failed');
  expect(rows.map(({ status }) => status)).toEqual(['active', 'completed']);
  expect(rows[1]?.duration).toBe(stoppedMs - startMs);
});
