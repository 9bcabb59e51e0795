import type { Attributes } from '@opentelemetry/api';
import { UNLISTED_JOBS_METRIC } from '../../../core/queue-metric-names.ts';
import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID, ATTR_QUEUE_SCOPE } from '../../attribute-keys.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';

/** Bucket boundaries for Prometheus, in seconds. Only the counts and sums are used. */
const BOUNDARIES_S = [0.01, 0.1, 1, 10, 60];
/** Queue of the transitions over the limit of series. */
const OTHER_QUEUE = '(other)';

/**
 * Creates the histogram of the transitions without rows, by queue, state, and tenant. An arrival has the value 0, a start
 * the wait time, and an end the processing time. A failed attempt of a job that is tried again has the state `retried`.
 *
 * @returns a function that counts a transition
 */
export function createUnlistedJobs(histograms: HistogramRegistry): (job: JobTransition) => void {
  const histogram = histograms.create({
    scope: 'perfscope.queue',
    name: UNLISTED_JOBS_METRIC,
    unit: 's',
    description: 'Messages without rows, by state.',
    boundaries: BOUNDARIES_S,
  });
  return (job) => {
    const { queueName, queueScope = '', organizationId = '', propertyId = '' } = job;
    const isRetried = job.duration !== undefined && job.completedAt === undefined;
    const state = isRetried && job.failedAt === undefined ? 'retried' : job.status;
    const valueMs = job.duration ?? job.waitTime ?? 0;
    const key = `${queueName}\n${queueScope}\n${state}\n${organizationId}\n${propertyId}`;
    const createAttributes = (): Attributes => ({
      'messaging.destination.name': queueName,
      ...(queueScope && { [ATTR_QUEUE_SCOPE]: queueScope }),
      'perfscope.job.state': state,
      ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
      ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
    });
    const overflow = { 'messaging.destination.name': OTHER_QUEUE, 'perfscope.job.state': state };
    histogram.record(valueMs / 1000, key, createAttributes, overflow);
  };
}
