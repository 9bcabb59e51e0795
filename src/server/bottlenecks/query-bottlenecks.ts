import type { Dimension, Group, Query } from '../../storage/queries/query-definition.ts';
import { queryRequestTotals } from '../../storage/queries/request-totals.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { type Bottleneck, findBottleneck } from './bottleneck.ts';
import { findLimitingOperation, readSampledRequests } from './sample-operations.ts';

/** The bottleneck of one group of requests. */
export interface GroupBottleneck extends Bottleneck {
  readonly group: Group;
}

/**
 * Finds the bottleneck of each group of requests, with the group that uses the most time first. Reads the totals once,
 * and the kept requests once.
 *
 * @throws PS_UNAVAILABLE, PS_REQUEST_TOO_LARGE
 */
export async function queryBottlenecks(
  queryClient: QueryClient,
  query: Query,
): Promise<GroupBottleneck[]> {
  const groupBy: readonly Dimension[] = query.groupBy ?? [];
  const [totals, samples] = await Promise.all([
    queryRequestTotals(queryClient, { ...query, step: undefined }),
    readSampledRequests(queryClient, query),
  ]);
  return totals
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count * (b.average ?? 0) - a.count * (a.average ?? 0))
    .map((requests) => ({
      group: requests.group,
      ...findBottleneck(
        requests,
        ({ kind }) => kind && findLimitingOperation(samples, kind, requests.group, groupBy),
      ),
    }));
}
