import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { getRangeUntilNow } from '../../src/storage/queries/query-range.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';
import { readCpuMs } from './cpu-time.ts';
import { PANELS, queryWholeDashboard, RANGES } from './dashboard-panels.ts';
import { LatencyRecorder } from './latency-recorder.ts';

export const BENCH_QUERIES = { ...PANELS, dashboard: queryWholeDashboard } as const;

/** How the questions are asked: again, as by a page that is open, or as nobody has before. */
export type CacheState = 'again' | 'first';

export interface QueryTimings {
  /** In ms, by `nameOf`. */
  readonly wall: LatencyRecorder;
  /** CPU of QuestDB and of this process. */
  readonly cpu: LatencyRecorder;
}

export const formatQueryName = (way: CacheState, range: string, question: string) =>
  `${question}, ${range}, ${way}`;

/** Asks every question of every range, in turn, each about the time until now. */
export async function measureQueries(
  store: QueryClient,
  questdbPid: number,
  rounds: number,
  say: (line: string) => void,
): Promise<QueryTimings> {
  const asked = { wall: new LatencyRecorder(), cpu: new LatencyRecorder() };
  // A new one each time: what one has put together, it remembers as well.
  const stores = { again: () => store, first: () => withoutCache(store) } as const;
  const usedMs = () => readCpuMs(questdbPid) + readCpuMs(process.pid);
  // The first rounds compile what is asked, here and in QuestDB.
  for (let round = -2; round < rounds; round++) {
    if (round % 10 === 0) say(`round ${round} of ${rounds}`);
    for (const { name: range, ms } of RANGES) {
      for (const [question, ask] of Object.entries(BENCH_QUERIES)) {
        for (const way of round % 2 === 0 ? (['first', 'again'] as const) : (['again'] as const)) {
          const [beforeMs, startMs] = [usedMs(), performance.now()];
          await ask(stores[way](), { scope: UNRESTRICTED_SCOPE, range: getRangeUntilNow(ms) });
          if (round < 0) continue;
          const name = formatQueryName(way, range, question);
          asked.wall.add(name, performance.now() - startMs);
          asked.cpu.add(name, usedMs() - beforeMs);
        }
      }
    }
  }
  return asked;
}

/** Every answer comes from QuestDB. */
export function withoutCache({ getCatalog: catalog, read }: QueryClient): QueryClient {
  return { getCatalog: catalog, read: (scope, statement) => read(scope, statement) };
}
