import type { Dimension } from '../../../storage/queries/query-definition.ts';
import type { RequestTotals } from '../../../storage/queries/request-totals.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';

/** Count and values of one series in a range. Times are in ms. */
export interface SeriesFact {
  readonly name: string;
  readonly service: string;
  /** Undefined if the rows have no value. */
  readonly endpoint: string | undefined;
  readonly operation: string | undefined;
  /** Number of values in histograms. */
  readonly count: number;
  /** Sum of the values in histograms. */
  readonly total: number;
  readonly max: number;
  /** Sum of the values of counters: their increase. */
  readonly increase: number;
  /** Times of the first and the last row. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Requests of one endpoint. */
export interface RequestFact extends Omit<RequestTotals, 'group'> {
  readonly service: string;
  readonly endpoint: string | undefined;
  readonly operation: string | undefined;
}

/** Values of one gauge of a process. */
export interface GaugeFact {
  readonly name: string;
  readonly service: string;
  readonly instance: string;
  /** Name of the pool. Undefined for gauges of a process. */
  readonly endpoint: string | undefined;
  readonly operation: string | undefined;
  readonly samples: number;
  readonly average: number;
  readonly min: number;
  readonly max: number;
  /** The latest value for pools, and the maximum for processes. */
  readonly last: number;
  /** Sum of the values of histograms. */
  readonly total: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The load of a queue. Rates are per second. */
export interface QueueFact {
  readonly queue: string;
  readonly scope: string | undefined;
  readonly ended: number;
  readonly arrivalRate: number;
  /** Mean processing time of a job with its retries. Undefined if none has ended. */
  readonly workMs: number | undefined;
  readonly waitMs: number | undefined;
  /** Latest number of ready jobs. */
  readonly depth: number;
  readonly maxDepth: number;
  /** Largest number of jobs that ran at the same time. */
  readonly maxActive: number;
  /** Connected workers. Undefined if unknown. */
  readonly workers: number | undefined;
  /** Largest arrival rate of one interval. */
  readonly peakArrivalRate: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Attempts of the jobs of one type. */
export interface JobFact {
  readonly queue: string;
  readonly scope: string | undefined;
  readonly jobType: string | undefined;
  readonly service: string | undefined;
  readonly completed: number;
  /** Jobs that completed after at least one failed attempt. */
  readonly completedAfterRetry: number;
  /** First attempts that failed and were retried. */
  readonly failedFirst: number;
  /** Mean duration of the failed first attempts. */
  readonly failedFirstMs: number;
  /** Failed attempts that were retried at once. */
  readonly retriedAtOnce: number;
  /** Failed attempts that were retried after a delay. */
  readonly retriedLater: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A retry of a job: the time from the failure to the next start. */
export interface RetryFact {
  readonly queue: string;
  readonly scope: string | undefined;
  readonly jobType: string | undefined;
  readonly gapMs: number;
  /** Redacted error message of the failed attempt. */
  readonly error: string | undefined;
  /** Whether it was the first attempt. */
  readonly isFirst: boolean;
}

/** Requests of one tenant at one endpoint, and of all other tenants at the same endpoint. */
export interface TenantFact {
  readonly service: string;
  readonly endpoint: string | undefined;
  readonly operation: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly own: TenantTotals;
  readonly others: TenantTotals;
  readonly otherTenants: number;
  /** Intervals in which both had requests. */
  readonly intervals: readonly { readonly own: number; readonly others: number }[];
  /** The part of the requests with most of the additional time, and that time. */
  readonly slowerPart: { readonly name: string; readonly ms: number } | undefined;
  readonly firstMs: number;
  readonly lastMs: number;
}

interface TenantTotals {
  readonly count: number;
  readonly average: number;
}

/** Everything that the detectors know about a range. Each list has one entry per group. */
export interface SuggestionFacts {
  readonly range: TimeRange;
  readonly requests: readonly RequestFact[];
  /** Database statements. `endpoint` is the fingerprint. */
  readonly statements: readonly SeriesFact[];
  /** Metrics that are evidence for suggestions, and the wait times of pools. */
  readonly series: readonly SeriesFact[];
  /** Gauges of connection pools. */
  readonly pools: readonly GaugeFact[];
  /** Garbage collection and heap of processes. */
  readonly processes: readonly GaugeFact[];
  readonly queues: readonly QueueFact[];
  readonly jobs: readonly JobFact[];
  readonly retries: readonly RetryFact[];
  readonly tenants: readonly TenantFact[];
  /** Number of tenants and endpoints that were compared. */
  readonly tenantComparisons: number;
}

export const NO_FACTS: Omit<SuggestionFacts, 'range'> = {
  requests: [],
  statements: [],
  series: [],
  pools: [],
  processes: [],
  queues: [],
  jobs: [],
  retries: [],
  tenants: [],
  tenantComparisons: 0,
};

/** Dimensions of an endpoint. */
export const BY_ENDPOINT = ['service', 'endpoint', 'operation'] as const satisfies Dimension[];
