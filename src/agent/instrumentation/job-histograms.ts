import type { Attributes } from '@opentelemetry/api';
import type { JobTransition } from '../../core/schema/tables/queue-metrics-table.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../attribute-keys.ts';
import type { HistogramRegistry } from './histogram-registry.ts';

/** In seconds: jobs wait and run from milliseconds to hours. */
const JOB_DURATION_BOUNDARIES_S = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

/**
 * Processing time (`messaging.process.duration`,
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/) and wait time of jobs as
 * histograms, by queue, kind of job and tenant.
 *
 * @returns what takes a transition; `errorType` says that the attempt has failed
 */
export function createJobHistograms(histograms: HistogramRegistry) {
  const common = { scope: 'perfscope.queue', unit: 's', boundaries: JOB_DURATION_BOUNDARIES_S };
  const processing = histograms.create({
    ...common,
    name: 'messaging.process.duration',
    description: 'Duration of processing a job.',
  });
  const waiting = histograms.create({
    ...common,
    name: 'perfscope.queue.wait.duration',
    description: 'Time that a job waited, without its delay.',
  });

  return (job: JobTransition, errorType: string | undefined): void => {
    const { queueName, jobType = '', organizationId = '', propertyId = '' } = job;
    const kept: Attributes = errorType === undefined ? {} : { 'error.type': errorType };
    const key = `${queueName}\n${jobType}\n${errorType ?? ''}\n${organizationId}\n${propertyId}`;
    const make = (): Attributes => ({
      'messaging.destination.name': queueName,
      ...(jobType && { 'perfscope.job.name': jobType }),
      ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
      ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
      ...kept,
    });
    // The wait is over when the work begins; whoever tells of the end alone tells of both.
    if (job.status === 'active' || job.startedAt === undefined) {
      if (job.waitTime !== undefined) waiting.record(job.waitTime / 1000, key, make, kept);
    }
    if (job.status !== 'active' && job.duration !== undefined) {
      processing.record(job.duration / 1000, key, make, kept);
    }
  };
}
