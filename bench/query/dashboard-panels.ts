import { DAY_MS, HOUR_MS } from '../../src/core/duration.ts';
import { queryDashboard, queryTrends } from '../../src/storage/queries/dashboard-query.ts';
import { queryDatabaseStats } from '../../src/storage/queries/database-stats.ts';
import { queryProcessHealth } from '../../src/storage/queries/host-health.ts';
import {
  queryDistributionTotals,
  querySlowest,
  toRouteName,
} from '../../src/storage/queries/operation-totals.ts';
import type { Query } from '../../src/storage/queries/query-definition.ts';
import { queryQueueStats } from '../../src/storage/queries/queue-stats.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';

const TIME_ZONE = 'Europe/Berlin';
const REQUEST_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;

type PanelQuery = (queryClient: QueryClient, query: Query) => Promise<unknown>;

/** Queries of the dashboard's panels, the same as in their API endpoints. */
export const PANELS: Readonly<Record<string, PanelQuery>> = {
  requests: (queryClient, query) => queryDistributionTotals(queryClient, query, REQUEST_METRIC),
  'slowest endpoints': (queryClient, query) =>
    querySlowest(queryClient, query, REQUEST_METRIC, toRouteName),
  database: queryDatabaseStats,
  queues: queryQueueStats,
  health: queryProcessHealth,
  trends: (queryClient, query) => queryTrends(queryClient, query, 'previous', TIME_ZONE),
};

export const queryWholeDashboard: PanelQuery = (queryClient, query) =>
  queryDashboard(queryClient, query, TIME_ZONE);

/** Time ranges, with the limit for a panel's 95th percentile in ms. */
export const RANGES = [
  { name: '1 h', ms: HOUR_MS, panelMs: 50 },
  { name: '24 h', ms: DAY_MS, panelMs: 150 },
  { name: '30 days', ms: 30 * DAY_MS, panelMs: 400 },
] as const;
