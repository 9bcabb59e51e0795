import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { queryDistributionTotals } from '../../src/storage/queries/operation-totals.ts';
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
  /** Query times in ms, by `perfscope` and `prometheus`. */
  times: LatencyRecorder;
  /** Relative error compared with the exact percentile, over all endpoints. */
  errors: Record<'perfscope' | 'prometheus', { median: number; max: number }>;
}

/**
 * Queries the p95 by endpoint over a day from Perfscope and Prometheus in turn. Perfscope always reads from
 * QuestDB, not from a cache.
 */
export async function compareWithPrometheus(
  fleet: ServiceFleet,
  queryClient: QueryClient,
  rounds: number,
): Promise<PrometheusComparison> {
  const range = fleet.history;
  const prometheus = new PrometheusServer();
  try {
    const samples = await prometheus.load(fleet.series, fleet.cycles, range);
    await prometheus.start();
    const exact = computeExactByEndpoint(fleet.series, fleet.cycles, range, QUANTILE);
    const uncachedClient = withoutCache(queryClient);
    const queries = {
      perfscope: async () => {
        const query = { scope: UNRESTRICTED_SCOPE, range, groupBy: ['endpoint'] } as const;
        const totals = await queryDistributionTotals(uncachedClient, query, {
          metricType: 'API_RESPONSE_TIME',
        });
        return new Map(totals.map(({ group, p95 }) => [group.endpoint ?? '', p95 ?? Number.NaN]));
      },
      prometheus: () => prometheus.queryByEndpoint(QUANTILE, range),
    };
    const times = new LatencyRecorder();
    for (let round = 0; round < rounds; round++) {
      for (const source of ['perfscope', 'prometheus'] as const)
        await times.measure(source, queries[source]);
    }
    const errors = {
      perfscope: computeErrors(await queries.perfscope(), exact),
      prometheus: computeErrors(await queries.prometheus(), exact),
    };
    return { samples, times, errors };
  } finally {
    await prometheus.remove();
  }
}

function computeErrors(measured: ReadonlyMap<string, number>, exact: ReadonlyMap<string, number>) {
  if (measured.size !== exact.size)
    throw new Error(`expected ${exact.size} endpoints, found ${measured.size}`);
  const errors = [...exact].map(([endpoint, ms]) => Math.abs(measured.get(endpoint)! / ms - 1));
  return { median: median(errors), max: Math.max(...errors) };
}
