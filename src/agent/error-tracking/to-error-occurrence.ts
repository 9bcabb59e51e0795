import type { ErrorOccurrence } from '../../core/errors/error-log-row.ts';
import { QueueJobStatus } from '../../core/schema/enums.ts';
import type { JobTransition } from '../../core/schema/tables/queue-metrics-table.ts';
import { getErrorOrigin } from '../instrumentation/context/error-origin.ts';
import type { Tenant } from '../instrumentation/context/tenant-context.ts';
import type { FailedConnect } from '../instrumentation/databases/database-recorder.ts';
import { OperationErrors } from '../instrumentation/requests/operation-errors.ts';
import type { SampledRequest } from '../instrumentation/requests/request-sampler.ts';
import type { ProcessError } from '../process/process-errors.ts';
import { parseThrown } from './error-tracker.ts';

/**
 * Creates the error occurrences of a failed request: one, or one for each failed part of its operation.
 *
 * @param thrown see {@link toRequestOccurrence}
 */
export function toRequestOccurrences(request: SampledRequest, thrown: unknown): ErrorOccurrence[] {
  if (!(thrown instanceof OperationErrors)) return [toRequestOccurrence(request, thrown)];
  return thrown.all.map((each) => {
    const occurrence = toRequestOccurrence(request, each.thrown);
    return { ...occurrence, context: { ...occurrence.context, path: each.path } };
  });
}

/**
 * Creates the error occurrence of a failed request.
 *
 * @param thrown error that Express received, or undefined if the application set the status itself
 */
function toRequestOccurrence(request: SampledRequest, thrown: unknown): ErrorOccurrence {
  const { method, route, status, callError, tenant, traceId } = request;
  const name = `${method} ${route ?? '(unknown route)'}`;
  const statusError =
    status !== undefined && status >= 500
      ? { type: `HTTP ${status}`, message: `${name} responded with ${status}`, stack: undefined }
      : {
          type: 'incomplete response',
          message: `${name}: the server closed the connection before the response was complete`,
          stack: undefined,
        };
  return {
    kind: 'request',
    level: 'error',
    endpoint: route,
    error:
      thrown === undefined ? (getCallError(name, callError) ?? statusError) : parseThrown(thrown),
    context: { method, status: status ?? callError, trace_id: traceId },
    ...tenant,
  };
}

/** Returns the error of a gRPC call whose handler threw no error. */
function getCallError(name: string, callError: string | undefined) {
  if (callError === undefined) return undefined;
  return {
    type: `gRPC ${callError}`,
    message: `${name} responded with ${callError}`,
    stack: undefined,
  };
}

/** Creates the error occurrence of a job that used all its attempts, or returns undefined. */
export function toJobOccurrence(
  job: JobTransition,
  failure: { error: unknown } | undefined,
): ErrorOccurrence | undefined {
  const { queueName, jobType, status, attempts, organizationId, propertyId } = job;
  if (status !== QueueJobStatus.FAILED) return undefined;
  const recordedError = {
    type: 'job',
    message: job.errorMessage ?? 'the job failed',
    stack: job.stackTrace,
  };
  return {
    kind: 'job',
    level: 'error',
    endpoint: queueName,
    error: failure ? parseThrown(failure.error) : recordedError,
    context: { jobType, attempts },
    organizationId,
    propertyId,
  };
}

/** Creates the error occurrence of an uncaught exception or an unhandled rejection. */
export function toProcessOccurrence(
  { kind, fatal, thrown }: ProcessError,
  tenant: Tenant | undefined,
): ErrorOccurrence {
  return {
    kind,
    level: fatal ? 'fatal' : 'error',
    endpoint: getErrorOrigin(thrown),
    error: parseThrown(thrown),
    ...tenant,
  };
}

/**
 * Creates the error occurrence of a failed connection to a database. It belongs to no tenant, because it
 * names the server.
 */
export function toConnectOccurrence({ error, errorType, server }: FailedConnect): ErrorOccurrence {
  const { message, stack } = parseThrown(error);
  return {
    kind: 'database',
    level: 'error',
    endpoint: 'CONNECT',
    // The attempts to connect to several addresses of a host are one error without a message.
    error: { type: errorType, message: message || `connection failed: ${errorType}`, stack },
    context: { server },
  };
}
