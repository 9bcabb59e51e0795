import { DAY_MS, HOUR_MS } from '../../src/core/duration.ts';
import { queryDashboard, queryTrends } from '../../src/storage/queries/dashboard-query.ts';
import { queryDatabaseStats } from '../../src/storage/queries/database-stats.ts';
import { queryProcessHealth } from '../../src/storage/queries/host-health.ts';
import { queryDistributionTotals, querySlowest } from '../../src/storage/queries/metric-totals.ts';
import type { Query } from '../../src/storage/queries/query.ts';
import { queryQueueStats } from '../../src/storage/queries/queue-stats.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';

const TIME_ZONE = 'Europe/Berlin';
const REQUEST_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;

type PanelQuery = (store: QueryClient, question: Query) => Promise<unknown>;

/** What a dashboard shows, each as its endpoint asks it. */
export const PANELS: Readonly<Record<string, PanelQuery>> = {
  requests: (store, question) => queryDistributionTotals(store, question, REQUEST_METRIC),
  'slowest endpoints': (store, question) => querySlowest(store, question, REQUEST_METRIC),
  database: queryDatabaseStats,
  queues: queryQueueStats,
  health: queryProcessHealth,
  trends: (store, question) => queryTrends(store, question, 'previous', TIME_ZONE),
};

export const queryWholeDashboard: PanelQuery = (store, question) =>
  queryDashboard(store, question, TIME_ZONE);

/** Lengths of the ranges, with the longest time in ms that a panel may take at the 95th percentile. */
export const RANGES = [
  { name: '1 h', ms: HOUR_MS, panelMs: 50 },
  { name: '24 h', ms: DAY_MS, panelMs: 150 },
  { name: '30 days', ms: 30 * DAY_MS, panelMs: 400 },
] as const;
