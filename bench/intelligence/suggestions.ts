import { DAY_MS } from '../../src/core/duration.ts';
import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { createSuggestionService } from '../../src/server/suggestions/suggestion-service.ts';
import { getRangeUntilNow } from '../../src/storage/queries/time-range.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';
import { atMost, median, type Report } from '../report.ts';

const MAX_WEEK_S = 10;
const WEEK_MS = 7 * DAY_MS;

/**
 * Measures suggestions over the last week. The first run reads without a cache, and each run uses a new service, so
 * that no result is shared.
 *
 * @param queryClient new client of a QuestDB with the data of many services
 * @param runs number of runs. Default: 5.
 */
export async function benchSuggestions(queryClient: QueryClient, runs = 5): Promise<Report> {
  let queries = 0;
  const counting: QueryClient = {
    getCatalog: () => queryClient.getCatalog(),
    read: (scope, statement, revision) => {
      queries += 1;
      return queryClient.read(scope, statement, revision);
    },
  };
  const seconds: number[] = [];
  let found = 0;
  let incomplete: readonly string[] = [];
  const heapBefore = process.memoryUsage().heapUsed;
  for (let run = 0; run < runs; run += 1) {
    queries = 0;
    const service = createSuggestionService({
      queryClient: counting,
      add: () => {},
      flush: async () => {},
      settings: {
        PERFORMANCE_EXPLAIN_POSTGRES_URL: undefined,
        PERFORMANCE_EXPLAIN_MYSQL_URL: undefined,
      },
      healthIntervalMs: 60_000,
    });
    const startMs = performance.now();
    const range = getRangeUntilNow(WEEK_MS);
    const view = await service.list({ range, filter: {} }, UNRESTRICTED_SCOPE);
    seconds.push((performance.now() - startMs) / 1000);
    found = view.suggestions.length;
    incomplete = view.incomplete;
  }
  const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6;
  return {
    targets: [
      atMost('suggestions over a week, slowest run', Math.max(...seconds), MAX_WEEK_S, 's'),
      atMost('facts with too many groups', incomplete.length, 0, '1'),
    ],
    details: {
      'suggestions over a week': `first ${seconds[0]?.toFixed(2)} s, median ${median(seconds).toFixed(2)} s`,
      'queries for suggestions': queries,
      'suggestions found': found,
      'heap after suggestions': `${heapMb.toFixed(1)} MB more`,
    },
  };
}
