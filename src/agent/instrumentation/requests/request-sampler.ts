import { isSpanContextValid } from '@opentelemetry/api';
import type { RequestPart } from '../../../core/request-breakdown.ts';
import { getActiveSpanContext } from '../../opentelemetry-api/shared-api.ts';
import type { Tenant } from '../context/tenant-context.ts';
import type { RequestEnd } from './request-histogram.ts';
import { getProtocol } from './request-protocol.ts';
import { type RequestState, readHeader } from './request-state.ts';

/** Maximum number of slow and failed requests per export interval. */
export const MAX_SLOW_REQUESTS = 10;
export const MAX_FAILED_REQUESTS = 10;

/** A sampled request. */
export interface SampledRequest {
  /** End of the request, in ms since the epoch. */
  readonly timestampMs: number;
  readonly durationMs: number;
  readonly method: string;
  readonly scheme: string;
  readonly route: string | undefined;
  /** Status of HTTP. Undefined if there is no response. */
  readonly status: number | undefined;
  /** `error.type` of a failed request. */
  readonly errorType: string | undefined;
  /** The same, if the request is a call of another protocol than HTTP. */
  readonly callError?: string | undefined;
  /** Whether the client disconnected before the response was complete. */
  readonly aborted: boolean;
  /** Whether the request failed: with a 5xx status, or after the headers were sent. */
  readonly failed: boolean;
  readonly tenant: Tenant | undefined;
  /** 32 hexadecimal digits. */
  readonly traceId: string | undefined;
  /** The first operations. Undefined if there are none. */
  readonly parts: readonly RequestPart[] | undefined;
  /** Number of further operations. */
  readonly omittedPartCount: number;
}

/**
 * Keeps individual requests of an export interval: the 10 slowest, and the last 10 that failed.
 * Histograms can't store the user or the trace of a request, and a row for every request
 * would be too expensive.
 */
export class RequestSampler {
  /** Sorted by duration, slowest first. */
  #slow: SampledRequest[] = [];
  /** Sorted by time, oldest first. */
  #failed: SampledRequest[] = [];
  #minSlowDurationMs = -1;

  /** Runs for every request, so it only compares numbers. */
  shouldSample(durationMs: number, failed: boolean): boolean {
    return failed || durationMs > this.#minSlowDurationMs;
  }

  /** @param isStream whether the response was long-lived. Its duration then doesn't make it slow. */
  add(request: SampledRequest, isStream: boolean): void {
    if (request.failed) {
      this.#failed.push(request);
      if (this.#failed.length > MAX_FAILED_REQUESTS) this.#failed.shift();
    }
    if (isStream) return;
    const slow = this.#slow;
    const index = slow.findIndex(({ durationMs }) => durationMs < request.durationMs);
    slow.splice(index < 0 ? slow.length : index, 0, request);
    if (slow.length > MAX_SLOW_REQUESTS) slow.pop();
    if (slow.length === MAX_SLOW_REQUESTS)
      this.#minSlowDurationMs = slow[MAX_SLOW_REQUESTS - 1]!.durationMs;
  }

  /** Returns the requests of the current interval without duplicates. */
  getSamples(): SampledRequest[] {
    return [...new Set([...this.#slow, ...this.#failed])];
  }

  /** Ends the interval and returns its requests without duplicates. */
  takeSamples(): SampledRequest[] {
    const samples = this.getSamples();
    this.#slow = [];
    this.#failed = [];
    this.#minSlowDurationMs = -1;
    return samples;
  }
}

/** Copies values from a request. A reference would keep the body and socket in memory. */
export function toSampledRequest(state: RequestState, end: RequestEnd): SampledRequest {
  const { method, scheme, route, tenant } = state;
  const { durationMs, aborted, failed, parts } = end;
  const isHttp = state.call === undefined;
  const status = isHttp && !aborted ? end.status : undefined;
  const errorType = failed
    ? getProtocol(state).toErrorType(end.status, state.operation)
    : undefined;
  const { organizationId, propertyId, userId } = tenant ?? {};
  return {
    timestampMs: Date.now(),
    durationMs,
    method,
    scheme,
    route,
    status,
    errorType,
    callError: isHttp ? undefined : errorType,
    aborted,
    failed,
    tenant: tenant && { organizationId, propertyId, userId },
    traceId: getTraceId(state),
    parts: parts?.toList(state.startMs + durationMs),
    omittedPartCount: parts?.omittedCount ?? 0,
  };
}

/**
 * Matches a valid `traceparent` header (https://www.w3.org/TR/trace-context/#traceparent-header).
 * Version `ff` and all-zero IDs are invalid.
 */
const TRACEPARENT_PATTERN =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/;

/** Returns the trace ID of the active span, or the trace ID in the `traceparent` header. */
export function getTraceId(state: Pick<RequestState, 'request'>): string | undefined {
  const span = getActiveSpanContext();
  if (span && isSpanContextValid(span)) return span.traceId;
  const traceparent = readHeader(state, 'traceparent');
  return typeof traceparent === 'string' ? TRACEPARENT_PATTERN.exec(traceparent)?.[1] : undefined;
}
