import { createError } from '../../core/perfscope-error.ts';

/** What is counted as an outcome or as exposure. */
export type ImpactSource =
  /** Successful requests of an endpoint. Without `operation`, of all methods. */
  | { readonly kind: 'endpoint'; readonly operation: string | undefined; readonly endpoint: string }
  /** The sum of a metric that the application records. */
  | { readonly kind: 'metric'; readonly name: string }
  /** All requests of the service. */
  | { readonly kind: 'requests' }
  /** The mean number of active users. */
  | { readonly kind: 'activeUsers' };

export const IMPACT_STATISTICS = ['p50', 'p95', 'average'] as const;
export type ImpactStatistic = (typeof IMPACT_STATISTICS)[number];

/** A complete selection: what is compared with the latency of what. */
export interface ImpactSelection {
  readonly service: string;
  readonly outcome: ImpactSource;
  readonly exposure: ImpactSource;
  /** Requests whose latency counts. */
  readonly latency: ImpactSource;
  readonly statistic: ImpactStatistic;
}

const METRIC_PREFIX = 'metric:';

/**
 * Parses `POST /bookings`, `/bookings`, `metric:bookings`, `requests`, or `activeUsers`.
 *
 * @param parameter name of the parameter, for the error
 * @throws PS_REQUEST_INVALID if the text is none of these
 */
export function parseImpactSource(text: string, parameter: string): ImpactSource {
  if (text === 'requests' || text === 'activeUsers') return { kind: text };
  if (text.startsWith(METRIC_PREFIX) && text.length > METRIC_PREFIX.length) {
    return { kind: 'metric', name: text.slice(METRIC_PREFIX.length) };
  }
  const [, operation, endpoint] = /^(?:([A-Z]+) )?(\/.*)$/s.exec(text) ?? [];
  if (endpoint !== undefined) return { kind: 'endpoint', operation, endpoint };
  const reason = 'is not a source';
  const allowed = 'POST /bookings, metric:NAME, requests, or activeUsers';
  const errors = [{ parameter, reason, allowed }];
  throw createError('PS_REQUEST_INVALID', {
    reason: `${parameter} ${reason}; allowed: ${allowed}`,
    errors,
  });
}

/** Returns the text that {@link parseImpactSource} parses. */
export function formatImpactSource(source: ImpactSource): string {
  if (source.kind === 'endpoint')
    return source.operation === undefined
      ? source.endpoint
      : `${source.operation} ${source.endpoint}`;
  return source.kind === 'metric' ? `${METRIC_PREFIX}${source.name}` : source.kind;
}

/** Returns the name of a source for a sentence. */
export function nameImpactSource(source: ImpactSource): string {
  if (source.kind === 'requests') return 'request';
  if (source.kind === 'activeUsers') return 'active user';
  return source.kind === 'metric' ? source.name : formatImpactSource(source);
}
