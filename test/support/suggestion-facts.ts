import {
  type GaugeFact,
  type JobFact,
  NO_FACTS,
  type QueueFact,
  type RequestFact,
  type RetryFact,
  type SeriesFact,
  type SuggestionFacts,
  type TenantFact,
} from '../../src/server/suggestions/facts/suggestion-facts.ts';

const RANGE = { fromMs: Date.UTC(2026, 5, 1, 12), toMs: Date.UTC(2026, 5, 1, 13) };
const TIMES = { firstMs: RANGE.fromMs + 60_000, lastMs: RANGE.toMs - 60_000 };

/** Creates facts about one hour. Missing lists are empty. */
export function makeFacts(facts: Partial<SuggestionFacts>): SuggestionFacts {
  return { ...NO_FACTS, range: RANGE, ...facts };
}

/** Creates a series of the service `booking`. `mean` is the mean of its values. */
export function makeSeries(
  name: string,
  { mean = 0, count = 0, ...rest }: Partial<SeriesFact> & { readonly mean?: number },
): SeriesFact {
  return {
    ...{ name, service: 'booking', endpoint: undefined, operation: undefined, count },
    ...{ total: mean * count, max: 2 * mean, increase: 0, ...TIMES },
    ...rest,
  };
}

/** Creates the executions of a statement. */
export function makeStatement(statement: string, count: number, mean: number): SeriesFact {
  return makeSeries('db.client.operation.duration', { endpoint: statement, count, mean });
}

/** Creates the requests of a route of the service `booking`. */
export function makeRequests(
  endpoint: string,
  { count, average, ...rest }: Partial<RequestFact> & { count: number; average: number },
): RequestFact {
  return {
    ...{ service: 'booking', endpoint, operation: 'GET', count, average },
    ...({ databaseTime: 0.8 * average, connectionWaitTime: 0, ...rest } as Omit<
      RequestFact,
      'service' | 'endpoint' | 'operation' | 'count' | 'average'
    >),
  };
}

/** Creates a gauge that had the same value all the time. */
export function makeGaugeFact(name: string, value: number, rest: Partial<GaugeFact>): GaugeFact {
  return {
    ...{ name, service: 'booking', instance: 'web-1', endpoint: undefined, operation: undefined },
    ...{ samples: 20, average: value, min: value, max: value, last: value, total: 0, ...TIMES },
    ...rest,
  };
}

/** Creates a queue with 2 arrivals per second that take 100 ms each, and 2 workers. */
export function makeQueue(rest: Partial<QueueFact>): QueueFact {
  return {
    ...{ queue: 'mails', scope: 'bull@redis:6379/0', ended: 7200, arrivalRate: 2, workMs: 100 },
    ...{ waitMs: 5, depth: 0, maxDepth: 1, maxActive: 1, workers: 2, peakArrivalRate: 3, ...TIMES },
    ...rest,
  };
}

/** Creates 1,000 jobs that completed at the first attempt. */
export function makeJobs(rest: Partial<JobFact>): JobFact {
  return {
    ...{ queue: 'mails', scope: undefined, jobType: 'confirm', service: 'booking' },
    ...{ completed: 1000, completedAfterRetry: 0, failedFirst: 0, failedFirstMs: 0 },
    ...{ retriedAtOnce: 0, retriedLater: 0, ...TIMES },
    ...rest,
  };
}

/** Creates `count` equal retries of the same jobs as {@link makeJobs}. */
export function makeRetries(count: number, rest: Partial<RetryFact>): RetryFact[] {
  const retry = { queue: 'mails', scope: undefined, jobType: 'confirm', gapMs: 3, isFirst: true };
  return Array.from({ length: count }, () => ({ ...retry, error: undefined, ...rest }));
}

/** Creates a tenant with the given means in each of 20 intervals. */
export function makeTenant(
  own: number,
  others: number,
  rest: Partial<TenantFact> = {},
): TenantFact {
  return {
    ...{ service: 'booking', endpoint: '/rooms', operation: 'GET', organizationId: 'grand' },
    ...{ propertyId: undefined, otherTenants: 3, slowerPart: undefined, ...TIMES },
    own: { count: 400, average: own },
    others: { count: 4000, average: others },
    intervals: Array.from({ length: 20 }, (_, i) => ({
      own: own * (1 + (i % 5) / 10),
      others: others * (1 + (i % 3) / 10),
    })),
    ...rest,
  };
}
