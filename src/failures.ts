import { readThrown } from './error-tracking/thrown.ts';
import type { Occurrence } from './error-tracking/tracker.ts';
import type { SampledRequest } from './instrumentation/request-sample.ts';
import type { JobTransition } from './schema/job-transition.ts';
import { QueueJobStatus } from './schema/metric-type.ts';

/**
 * A request that was answered with a 5xx.
 *
 * @param thrown what Express was given; undefined where the application answered of its own accord
 */
export function failedRequest(request: SampledRequest, thrown: unknown): Occurrence {
  const { method, route, status, tenant, traceId } = request;
  const message = `${method} ${route ?? 'without a route'} answered ${status}`;
  const answered = { type: `HTTP ${status}`, message, stack: undefined };
  return {
    kind: 'request',
    level: 'error',
    endpoint: route,
    error: thrown === undefined ? answered : readThrown(thrown),
    context: { method, status, trace_id: traceId },
    ...tenant,
  };
}

/** A job that has failed for good; undefined for any other transition. */
export function jobFailure(
  job: JobTransition,
  failure: { error: unknown } | undefined,
): Occurrence | undefined {
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
    error: failure ? readThrown(failure.error) : said,
    context: { jobType, attempts },
    organizationId,
    propertyId,
  };
}
