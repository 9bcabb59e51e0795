import { errorName } from './instrumentation/bullmq-job.ts';
import type { Metering } from './metering.ts';
import type { Recorder } from './record/recorder.ts';
import type { JobTransition } from './schema/job-transition.ts';

/**
 * Stores a job's transition as a row, and its times in the histograms of its queue; without `metering`
 * they are single measurements.
 *
 * @param failure what the attempt has failed with
 */
export function recordJob(
  recorder: Recorder,
  metering: Metering | undefined,
  job: JobTransition,
  failure: { error: unknown } | undefined,
): void {
  const row = recorder.recordQueueMetric(job);
  if (!row) return;
  const failed = failure !== undefined || row.status === 'failed';
  const { organizationId, propertyId } = row;
  const named = { ...job, organizationId, propertyId };
  if (metering) metering.recordJob(named, failed ? errorName(failure?.error) : undefined);
  else recorder.recordJobTimes(named, failed);
}
