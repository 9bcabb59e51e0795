import { fingerprintOccurrence } from '../../errors/error-fingerprint.ts';
import { type ErrorOccurrence, toErrorLogRow } from '../../errors/error-log-row.ts';
import { hashText } from '../../lazy-crypto.ts';
import type { ErrorLogRow } from '../../schema/tables/error-logs-table.ts';
import type { MappedSeries } from '../mapping/map-series.ts';
import type { MappedResource } from '../mapping/resource-mapping.ts';
import type { OtelSpan } from '../span-data.ts';
import { toErrorType } from './span-operation.ts';

/** Maximum number of different errors in one request. Further ones are not stored. */
const MAX_ERRORS = 100;

interface CountedError {
  readonly occurrence: ErrorOccurrence;
  readonly resource: MappedResource;
  readonly fingerprint: string;
  readonly spanIds: string[];
  timeMs: number;
}

/** Groups the errors of requests and jobs, so that each error is one row for each request to the server. */
export class SpanErrorCollector {
  readonly #errors = new Map<string, CountedError>();

  /** Adds a failed span. */
  add(
    resource: MappedResource,
    { template, attributes }: MappedSeries,
    span: OtelSpan,
    userId: string | undefined,
    kind: 'request' | 'job',
  ): void {
    const { organizationId, propertyId, endpoint, operation } = template;
    const error = getError(span, `${operation ?? ''} ${endpoint ?? '(unknown route)'}`.trim(), {
      status: Number(attributes.get('http.response.status_code') ?? Number.NaN),
      type: String(attributes.get('error.type') ?? '_OTHER'),
    });
    const occurrence: ErrorOccurrence = {
      ...{ kind, level: 'error', endpoint, error, organizationId, propertyId, userId },
      context: {
        method: kind === 'request' ? operation : undefined,
        status: attributes.get('http.response.status_code'),
        trace_id: span.traceId,
      },
    };
    const fingerprint = fingerprintOccurrence(occurrence, resource.service.service);
    const key = JSON.stringify([resource.key, fingerprint, organizationId, propertyId, endpoint]);
    const known = this.#errors.get(key);
    if (known) {
      known.spanIds.push(span.spanId);
      known.timeMs = Math.max(known.timeMs, span.endTimeMs);
      return;
    }
    if (this.#errors.size >= MAX_ERRORS) return;
    this.#errors.set(key, {
      resource,
      fingerprint,
      spanIds: [span.spanId],
      timeMs: span.endTimeMs,
      occurrence,
    });
  }

  toRows(): ErrorLogRow[] {
    return [...this.#errors.values()].map(
      ({ occurrence, resource, fingerprint, spanIds, timeMs }) => ({
        ...toErrorLogRow(occurrence, fingerprint, resource.service),
        id: hashText([resource.key, fingerprint, ...spanIds.toSorted()].join('\n'), 24),
        timestamp: timeMs,
        count: spanIds.length,
      }),
    );
  }
}

/** Returns the last exception of a span, or an error with its status. */
function getError(
  { events, statusMessage }: OtelSpan,
  name: string,
  { status, type }: { status: number; type: string },
): ErrorOccurrence['error'] {
  const exception = events.findLast((event) => event.name === 'exception')?.attributes;
  if (exception) {
    const stack = exception['exception.stacktrace'];
    return {
      type: toErrorType(exception['exception.type']) ?? type,
      message: String(exception['exception.message'] ?? ''),
      stack: typeof stack === 'string' ? stack : undefined,
    };
  }
  if (status >= 500) {
    return {
      type: `HTTP ${status}`,
      message: `${name} responded with ${status}`,
      stack: undefined,
    };
  }
  return { type, message: statusMessage || `${name} failed`, stack: undefined };
}
