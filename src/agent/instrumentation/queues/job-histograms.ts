import type { Attributes } from '@opentelemetry/api';
import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID, ATTR_QUEUE_SCOPE } from '../../attribute-keys.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';

/** Bucket boundaries, in seconds. Wait and processing times range from milliseconds to hours. */
const JOB_DURATION_BOUNDARIES_S = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

/**
 * Creates histograms of the processing time and wait time of jobs, by queue, job type, and tenant.
 * For `messaging.process.duration`, see
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/.
 *
 * @returns a function that records a transition. `errorType` is set if the attempt failed.
 */
export function createJobHistograms(histograms: HistogramRegistry) {
  const common = { scope: 'perfscope.queue', unit: 's', boundaries: JOB_DURATION_BOUNDARIES_S };
  const processing = histograms.create({
    ...common,
    name: 'messaging.process.duration',
    description: 'Processing time of a job.',
  });
  const wait = histograms.create({
    ...common,
    name: 'perfscope.queue.wait.duration',
    description: 'Wait time of a job, excluding its delay.',
  });

  return (job: JobTransition, errorType: string | undefined): void => {
    const { queueName, queueScope = '', jobType = '' } = job;
    const { organizationId = '', propertyId = '' } = job;
    const errorAttributes: Attributes = errorType === undefined ? {} : { 'error.type': errorType };
    const key = `${queueName}\n${queueScope}\n${jobType}\n${errorType ?? ''}\n${organizationId}\n${propertyId}`;
    const createAttributes = (): Attributes => ({
      'messaging.destination.name': queueName,
      ...(queueScope && { [ATTR_QUEUE_SCOPE]: queueScope }),
      ...(jobType && { 'perfscope.job.name': jobType }),
      ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
      ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
      ...errorAttributes,
    });
    // Records the wait time when the job starts, or at its end if only the end is reported.
    if (job.status === 'active' || job.startedAt === undefined) {
      if (job.waitTime !== undefined)
        wait.record(job.waitTime / 1000, key, createAttributes, errorAttributes);
    }
    if (job.status !== 'active' && job.duration !== undefined) {
      processing.record(job.duration / 1000, key, createAttributes, errorAttributes);
    }
  };
}
