import { QueueJobStatus } from '../../core/schema/enums.ts';
import type { JobTransition } from '../../core/schema/tables/queue-metrics-table.ts';
import type { SampledRequest } from '../instrumentation/request-sampler.ts';
import type { ErrorOccurrence } from './error-tracker.ts';
import { parseThrown } from './error-tracker.ts';

/**
 * A request that was answered with a 5xx.
 *
 * @param thrown what Express was given; undefined where the application answered of its own accord
 */
export function toRequestOccurrence(request: SampledRequest, thrown: unknown): ErrorOccurrence {
  const { method, route, status, tenant, traceId } = request;
  const message = `${method} ${route ?? 'without a route'} answered ${status}`;
  const answered = { type: `HTTP ${status}`, message, stack: undefined };
  return {
    kind: 'request',
    level: 'error',
    endpoint: route,
    error: thrown === undefined ? answered : parseThrown(thrown),
    context: { method, status, trace_id: traceId },
    ...tenant,
  };
}

/** A job that has failed for good; undefined for any other transition. */
export function toJobOccurrence(
  job: JobTransition,
  failure: { error: unknown } | undefined,
): ErrorOccurrence | undefined {
  const { queueName, jobType, status, attempts, organizationId, propertyId } = job;
  if (status !== QueueJobStatus.FAILED) return undefined;
  const said = {
    type: 'job',
    message: job.errorMessage ?? 'the job failed',
    stack: job.stackTrace,
  };
  return {
    kind: 'job',
    level: 'error',
    endpoint: queueName,
    error: failure ? parseThrown(failure.error) : said,
    context: { jobType, attempts },
    organizationId,
    propertyId,
  };
}
