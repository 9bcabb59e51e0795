import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { createJobRun } from '../context/caller.ts';
import { markEvent } from '../context/event-loop-blocks.ts';
import { startTicks, stopTicks } from '../context/event-loop-stalls.ts';
import { type JobRun, runJob } from '../context/tenant-context.ts';
import { observePromise } from '../loading/method-patching.ts';
import type { BullmqJob } from './bullmq-job-transition.ts';
import { getJobTenant } from './bullmq-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the context of BullMQ jobs';

const start = guard(PART, (argument: unknown): JobRun => {
  const { queue, queueName = queue.name, name } = argument as BullmqJob;
  const job = createJobRun(queueName, name, getJobTenant(argument as object));
  const nowMs = performance.now();
  startTicks(nowMs);
  markEvent(job, nowMs, true);
  return job;
});

const end = guard(PART, (job: JobRun) => {
  if (job.ended) return;
  job.ended = true;
  markEvent(job, performance.now(), false);
  stopTicks();
});

/**
 * Runs the application's code for a job in the context of the job.
 *
 * @param process calls the application's function exactly once
 * @returns the result of `process`, or a promise that settles like it
 */
export function runJobCode(argument: unknown, process: () => unknown): unknown {
  const job = start(argument);
  if (job === undefined) return process();
  let result: unknown;
  // With `catch`, Node.js would print another source line for an uncaught error.
  try {
    result = runJob(job, process);
  } finally {
    if (!types.isPromise(result)) end(job);
  }
  if (!types.isPromise(result)) return result;
  const onEnd = () => end(job);
  return observePromise(result, onEnd, onEnd);
}
