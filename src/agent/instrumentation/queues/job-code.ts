import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { createJobRun } from '../context/caller.ts';
import { markEvent } from '../context/event-loop-blocks.ts';
import { startTicks, stopTicks } from '../context/event-loop-stalls.ts';
import { type JobRun, runJob, type Tenant } from '../context/tenant-context.ts';
import { observePromise } from '../loading/method-patching.ts';

/** What fails, for {@link guard}. */
const PART = 'the context of jobs';

/** The job whose code runs. */
export interface JobContext {
  readonly queueName: string;
  /** Kind of job. Default: none. */
  readonly jobType?: string | undefined;
  readonly tenant: Tenant | undefined;
}

const start = guard(PART, (readJob: () => JobContext): JobRun => {
  const { queueName, jobType = '', tenant } = readJob();
  const job = createJobRun(queueName, jobType, tenant);
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
 * @param readJob returns the job. If it throws, the code runs without the context.
 * @param process calls the application's function exactly once
 * @returns the result of `process`, or a promise that settles like it
 */
export function runJobCode(readJob: () => JobContext, process: () => unknown): unknown {
  const job = start(readJob);
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
