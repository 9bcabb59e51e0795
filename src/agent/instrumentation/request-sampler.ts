import type { IncomingMessage } from 'node:http';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import type { RequestState } from './request-state.ts';
import type { Tenant } from './tenant-context.ts';

/** Most requests of each kind that are kept for one interval. */
export const MAX_SLOW_REQUESTS = 10;
export const MAX_FAILED_REQUESTS = 10;

/** One request, as it is kept. */
export interface SampledRequest {
  /** ms since the epoch of its end. */
  readonly timestampMs: number;
  readonly durationMs: number;
  readonly method: string;
  readonly scheme: string;
  readonly route: string | undefined;
  /** Undefined when its client went away before it was answered. */
  readonly status: number | undefined;
  readonly tenant: Tenant | undefined;
  /** 32 hexadecimal digits. */
  readonly traceId: string | undefined;
}

/**
 * The single requests of an interval that are worth knowing: the 10 slowest, and the 10 failed ones
 * (5xx) that came last. Histograms have no room for a user or a trace; a row of each request would
 * cost as much as the requests.
 */
export class RequestSampler {
  /** Slowest first. */
  #slow: SampledRequest[] = [];
  /** Oldest first. */
  #failed: SampledRequest[] = [];
  #minSlowDurationMs = -1;

  /** The hot path: a comparison, for nearly every request. */
  shouldSample(durationMs: number, failed: boolean): boolean {
    return failed || durationMs > this.#minSlowDurationMs;
  }

  add(request: SampledRequest, failed: boolean): void {
    if (failed) {
      this.#failed.push(request);
      if (this.#failed.length > MAX_FAILED_REQUESTS) this.#failed.shift();
    }
    const slow = this.#slow;
    const at = slow.findIndex(({ durationMs }) => durationMs < request.durationMs);
    slow.splice(at < 0 ? slow.length : at, 0, request);
    if (slow.length > MAX_SLOW_REQUESTS) slow.pop();
    if (slow.length === MAX_SLOW_REQUESTS)
      this.#minSlowDurationMs = slow[MAX_SLOW_REQUESTS - 1]!.durationMs;
  }

  /** Ends the interval. @returns its requests, each once */
  takeSamples(): SampledRequest[] {
    const kept = new Set([...this.#slow, ...this.#failed]);
    this.#slow = [];
    this.#failed = [];
    this.#minSlowDurationMs = -1;
    return [...kept];
  }
}

/** What is kept of a request: no reference to it, which would keep its body and socket as well. */
export function toSampledRequest(
  state: RequestState,
  durationMs: number,
  status: number | undefined,
): SampledRequest {
  const { method, scheme, route, tenant, response } = state;
  const { organizationId, propertyId, userId } = tenant ?? {};
  return {
    timestampMs: Date.now(),
    durationMs,
    method,
    scheme,
    route,
    status,
    tenant: tenant && { organizationId, propertyId, userId },
    traceId: getTraceId(response.req),
  };
}

/** https://www.w3.org/TR/trace-context/#traceparent-header: version ff and a trace of zeros are invalid. */
const TRACEPARENT =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/;

/** That of the active span, where the application traces; else that of the caller. */
export function getTraceId(request: IncomingMessage): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (span && isSpanContextValid(span)) return span.traceId;
  const { traceparent } = request.headers;
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
}
