import { EVERYTHING } from '../../src/schema/scope.ts';
import { untilNow } from '../../src/windows/freshness.ts';
import type { Store } from '../../src/windows/store.ts';
import { cpuMs } from './cpu.ts';
import { PANELS, RANGES, wholeDashboard } from './panels.ts';
import { Times } from './times.ts';

export const QUESTIONS = { ...PANELS, dashboard: wholeDashboard } as const;

/** How the questions are asked: again, as by a page that is open, or as nobody has before. */
export type Way = 'again' | 'first';

export interface Asked {
  /** In ms, by `nameOf`. */
  readonly wall: Times;
  /** CPU of QuestDB and of this process. */
  readonly cpu: Times;
}

export const nameOf = (way: Way, range: string, question: string) =>
  `${question}, ${range}, ${way}`;

/** Asks every question of every range, in turn, each about the time until now. */
export async function askAll(
  store: Store,
  questdbPid: number,
  rounds: number,
  say: (line: string) => void,
): Promise<Asked> {
  const asked = { wall: new Times(), cpu: new Times() };
  // A new one each time: what one has put together, it remembers as well.
  const stores = { again: () => store, first: () => withoutMemory(store) } as const;
  const usedMs = () => cpuMs(questdbPid) + cpuMs(process.pid);
  // The first rounds compile what is asked, here and in QuestDB.
  for (let round = -2; round < rounds; round++) {
    if (round % 10 === 0) say(`round ${round} of ${rounds}`);
    for (const { name: range, ms } of RANGES) {
      for (const [question, ask] of Object.entries(QUESTIONS)) {
        for (const way of round % 2 === 0 ? (['first', 'again'] as const) : (['again'] as const)) {
          const [beforeMs, startMs] = [usedMs(), performance.now()];
          await ask(stores[way](), { scope: EVERYTHING, range: untilNow(ms) });
          if (round < 0) continue;
          const name = nameOf(way, range, question);
          asked.wall.add(name, performance.now() - startMs);
          asked.cpu.add(name, usedMs() - beforeMs);
        }
      }
    }
  }
  return asked;
}

/** Every answer comes from QuestDB. */
export function withoutMemory({ catalog, read }: Store): Store {
  return { catalog, read: (scope, statement) => read(scope, statement) };
}
