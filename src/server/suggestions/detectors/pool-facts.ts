import { HELD_CONNECTIONS_METRIC_NAME } from '../../../core/suggestion-metrics.ts';
import type { GaugeFact, SuggestionFacts } from '../facts/suggestion-facts.ts';

export const POOL_COUNT_METRIC_NAME = 'db.client.connection.count';
export const POOL_MAX_METRIC_NAME = 'db.client.connection.max';
export const POOL_PENDING_METRIC_NAME = 'db.client.connection.pending_requests';
export const POOL_WAIT_METRIC_NAME = 'db.client.connection.wait_time';

/** The gauges of the pool of one process. */
export interface PoolGauges {
  readonly service: string;
  readonly instance: string;
  readonly pool: string;
  readonly used: GaugeFact | undefined;
  /** Maximum number of connections. Undefined if unknown. */
  readonly limit: number | undefined;
  readonly pending: GaugeFact | undefined;
  /** Held connections, by the route or job that took most of them. */
  readonly held: readonly GaugeFact[];
}

/** Groups the gauges of pools by process and pool. */
export function groupPools({ pools }: SuggestionFacts): PoolGauges[] {
  const groups = Map.groupBy(pools, ({ service, instance, endpoint }) =>
    JSON.stringify([service, instance, endpoint ?? '']),
  );
  return [...groups].map(([key, gauges]) => {
    const [service, instance, pool] = JSON.parse(key) as [string, string, string];
    const find = (name: string) => gauges.find((gauge) => gauge.name === name);
    const limit = find(POOL_MAX_METRIC_NAME)?.last ?? 0;
    return {
      ...{ service, instance, pool },
      used: gauges.find(
        ({ name, operation }) => name === POOL_COUNT_METRIC_NAME && operation === 'used',
      ),
      limit: limit > 0 ? limit : undefined,
      pending: find(POOL_PENDING_METRIC_NAME),
      held: gauges.filter(({ name }) => name === HELD_CONNECTIONS_METRIC_NAME),
    };
  });
}
