import { PerfscopeError } from '../../../core/perfscope-error.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { Filter, Query } from '../../../storage/queries/query-definition.ts';
import { queryRequestTotals } from '../../../storage/queries/request-totals.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { readJobs, readRetries } from './read-jobs.ts';
import { readQueues } from './read-queues.ts';
import { readEvidence, readPools, readProcesses, readStatements } from './read-series.ts';
import { readTenants } from './read-tenants.ts';
import { BY_ENDPOINT, type RequestFact, type SuggestionFacts } from './suggestion-facts.ts';

/** Selects the rows that the facts are read from. */
export interface FactsQuery {
  readonly scope: TenantScope;
  /** Scope of the comparison of tenants: all tenants that the caller can read. */
  readonly tenantScope: TenantScope;
  readonly range: TimeRange;
  readonly filter?: Filter | undefined;
  readonly reportIntervalMs?: number | undefined;
}

/**
 * Reads all facts about a range, with about 16 grouped queries.
 *
 * @returns the facts, and the names of the facts that have too many groups to be read
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function readFacts(
  queryClient: QueryClient,
  { scope, tenantScope, range, filter, reportIntervalMs }: FactsQuery,
): Promise<{ facts: SuggestionFacts; incomplete: string[] }> {
  const query: Query = { scope, range, filter, reportIntervalMs };
  const incomplete: string[] = [];
  const read = async <T>(name: string, load: () => Promise<T>, none: T): Promise<T> => {
    try {
      return await load();
    } catch (error) {
      const isTooLarge = error instanceof PerfscopeError && error.code === 'PS_REQUEST_TOO_LARGE';
      if (!isTooLarge) throw error;
      incomplete.push(name);
      return none;
    }
  };
  const [requests, statements, series, pools, processes, queues, jobs, tenants] = await Promise.all(
    [
      read('requests', () => readRequests(queryClient, query), []),
      read('statements', () => readStatements(queryClient, query), []),
      read('evidence', () => readEvidence(queryClient, query), []),
      read('pools', () => readPools(queryClient, query), []),
      read('processes', () => readProcesses(queryClient, query), []),
      read('queues', () => readQueues(queryClient, query), []),
      read('jobs', () => readJobs(queryClient, query), []),
      read('tenants', () => readTenants(queryClient, { ...query, scope: tenantScope }), {
        tenants: [],
        tenantComparisons: 0,
      }),
    ],
  );
  const retries = await read('retries', () => readRetries(queryClient, query, jobs), []);
  return {
    facts: {
      ...{ range, requests, statements, series, pools, processes, queues, jobs, retries },
      ...tenants,
    },
    incomplete,
  };
}

async function readRequests(queryClient: QueryClient, query: Query): Promise<RequestFact[]> {
  const totals = await queryRequestTotals(queryClient, { ...query, groupBy: BY_ENDPOINT });
  return totals.map(({ group, ...rest }) => ({
    ...rest,
    service: group.service ?? '',
    endpoint: group.endpoint,
    operation: group.operation,
  }));
}
