import { EVERYTHING } from '../../src/schema/scope.ts';
import type { Store } from '../../src/windows/store.ts';
import { work } from '../../src/windows/work.ts';
import { median } from '../report.ts';
import { withoutMemory } from './asking.ts';
import type { Estate } from './estate.ts';
import { exactByEndpoint } from './exact.ts';
import { PrometheusServer } from './prometheus.ts';
import { Times } from './times.ts';

const Q = 0.95;

export interface Beside {
  samples: number;
  /** In ms, `ours` and `prometheus`. */
  times: Times;
  /** Relative to the exact percentile, over the endpoints. */
  errors: Record<'ours' | 'prometheus', { median: number; most: number }>;
}

/** The p95 by endpoint over a day, asked of both in turn; ours always from QuestDB. */
export async function besidePrometheus(
  estate: Estate,
  store: Store,
  rounds: number,
): Promise<Beside> {
  const range = estate.past;
  const prometheus = new PrometheusServer();
  try {
    const samples = await prometheus.load(estate.series, estate.cycles, range);
    await prometheus.start();
    const exact = exactByEndpoint(estate.series, estate.cycles, range, Q);
    const fresh = withoutMemory(store);
    const ask = {
      ours: async () => {
        const question = { scope: EVERYTHING, range, groupBy: ['endpoint'] } as const;
        const found = await work(fresh, question, { metricType: 'API_RESPONSE_TIME' });
        return new Map(found.map(({ group, p95 }) => [group.endpoint ?? '', p95 ?? Number.NaN]));
      },
      prometheus: () => prometheus.byEndpoint(Q, range),
    };
    const times = new Times();
    for (let round = 0; round < rounds; round++) {
      for (const who of ['ours', 'prometheus'] as const) await times.take(who, ask[who]);
    }
    const errors = {
      ours: errorsOf(await ask.ours(), exact),
      prometheus: errorsOf(await ask.prometheus(), exact),
    };
    return { samples, times, errors };
  } finally {
    await prometheus.remove();
  }
}

function errorsOf(found: ReadonlyMap<string, number>, exact: ReadonlyMap<string, number>) {
  if (found.size !== exact.size) throw new Error(`${found.size} endpoints, not ${exact.size}`);
  const errors = [...exact].map(([endpoint, ms]) => Math.abs(found.get(endpoint)! / ms - 1));
  return { median: median(errors), most: Math.max(...errors) };
}
