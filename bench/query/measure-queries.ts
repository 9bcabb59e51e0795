import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { getRangeUntilNow } from '../../src/storage/queries/time-range.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';
import { readCpuMs } from '../process-usage.ts';
import { PANELS, queryWholeDashboard, RANGES } from './dashboard-panels.ts';
import { LatencyRecorder } from './latency-recorder.ts';

export const BENCH_QUERIES = { ...PANELS, dashboard: queryWholeDashboard } as const;

/** `warm`: the cache contains the result, as for an open page. `cold`: the cache is empty. */
export type CacheState = 'warm' | 'cold';

export interface QueryTimings {
  /** Elapsed time in ms, by `formatQueryName`. */
  readonly wall: LatencyRecorder;
  /** CPU time of QuestDB and this process in ms, by `formatQueryName`. */
  readonly cpu: LatencyRecorder;
}

export const formatQueryName = (cacheState: CacheState, range: string, query: string) =>
  `${query}, ${range}, ${cacheState}`;

/** Measures every query with every time range in turn. The ranges end at the current time. */
export async function measureQueries(
  queryClient: QueryClient,
  questdbPid: number,
  rounds: number,
  log: (line: string) => void,
): Promise<QueryTimings> {
  const timings = { wall: new LatencyRecorder(), cpu: new LatencyRecorder() };
  // Creates a new client for each cold query, because a client also caches merged results.
  const clients = { warm: () => queryClient, cold: () => withoutCache(queryClient) } as const;
  const usedMs = () => readCpuMs(questdbPid) + readCpuMs(process.pid);
  // The first rounds are a warm-up for this process and QuestDB.
  for (let round = -2; round < rounds; round++) {
    if (round % 10 === 0) log(`round ${round} of ${rounds}`);
    for (const { name: range, ms } of RANGES) {
      for (const [query, run] of Object.entries(BENCH_QUERIES)) {
        for (const cacheState of round % 2 === 0
          ? (['cold', 'warm'] as const)
          : (['warm'] as const)) {
          const [beforeMs, startMs] = [usedMs(), performance.now()];
          await run(clients[cacheState](), {
            scope: UNRESTRICTED_SCOPE,
            range: getRangeUntilNow(ms),
          });
          if (round < 0) continue;
          const name = formatQueryName(cacheState, range, query);
          timings.wall.add(name, performance.now() - startMs);
          timings.cpu.add(name, usedMs() - beforeMs);
        }
      }
    }
  }
  return timings;
}

/** Returns a client that always reads from QuestDB. */
export function withoutCache({ getCatalog, read }: QueryClient): QueryClient {
  return { getCatalog, read: (scope, statement) => read(scope, statement) };
}
