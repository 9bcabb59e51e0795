import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { queryDistributionTotals } from '../../src/storage/queries/metric-totals.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';
import { median } from '../report.ts';
import { computeExactByEndpoint } from './exact-percentiles.ts';
import { LatencyRecorder } from './latency-recorder.ts';
import { withoutCache } from './measure-queries.ts';
import { PrometheusServer } from './prometheus-server.ts';
import type { ServiceFleet } from './service-fleet.ts';

const QUANTILE = 0.95;

export interface PrometheusComparison {
  samples: number;
  /** In ms, `ours` and `prometheus`. */
  times: LatencyRecorder;
  /** Relative to the exact percentile, over the endpoints. */
  errors: Record<'ours' | 'prometheus', { median: number; most: number }>;
}

/** The p95 by endpoint over a day, asked of both in turn; ours always from QuestDB. */
export async function compareWithPrometheus(
  estate: ServiceFleet,
  store: QueryClient,
  rounds: number,
): Promise<PrometheusComparison> {
  const range = estate.history;
  const prometheus = new PrometheusServer();
  try {
    const samples = await prometheus.load(estate.series, estate.cycles, range);
    await prometheus.start();
    const exact = computeExactByEndpoint(estate.series, estate.cycles, range, QUANTILE);
    const fresh = withoutCache(store);
    const ask = {
      ours: async () => {
        const question = { scope: UNRESTRICTED_SCOPE, range, groupBy: ['endpoint'] } as const;
        const found = await queryDistributionTotals(fresh, question, {
          metricType: 'API_RESPONSE_TIME',
        });
        return new Map(found.map(({ group, p95 }) => [group.endpoint ?? '', p95 ?? Number.NaN]));
      },
      prometheus: () => prometheus.queryByEndpoint(QUANTILE, range),
    };
    const times = new LatencyRecorder();
    for (let round = 0; round < rounds; round++) {
      for (const who of ['ours', 'prometheus'] as const) await times.measure(who, ask[who]);
    }
    const errors = {
      ours: computeErrors(await ask.ours(), exact),
      prometheus: computeErrors(await ask.prometheus(), exact),
    };
    return { samples, times, errors };
  } finally {
    await prometheus.remove();
  }
}

function computeErrors(found: ReadonlyMap<string, number>, exact: ReadonlyMap<string, number>) {
  if (found.size !== exact.size) throw new Error(`${found.size} endpoints, not ${exact.size}`);
  const errors = [...exact].map(([endpoint, ms]) => Math.abs(found.get(endpoint)! / ms - 1));
  return { median: median(errors), most: Math.max(...errors) };
}
