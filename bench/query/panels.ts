import { dashboard } from '../../src/windows/dashboard.ts';
import { databaseFigures } from '../../src/windows/database.ts';
import { healthFigures } from '../../src/windows/health.ts';
import type { Question } from '../../src/windows/question.ts';
import { queueFigures } from '../../src/windows/queues.ts';
import { DAY_MS, HOUR_MS } from '../../src/windows/range.ts';
import { slowest } from '../../src/windows/slowest.ts';
import type { Store } from '../../src/windows/store.ts';
import { trends } from '../../src/windows/trends.ts';
import { work } from '../../src/windows/work.ts';

const ZONE = 'Europe/Berlin';
const REQUESTS = { metricType: 'API_RESPONSE_TIME' } as const;

type Ask = (store: Store, question: Question) => Promise<unknown>;

/** What a dashboard shows, each as its endpoint asks it. */
export const PANELS: Readonly<Record<string, Ask>> = {
  requests: (store, question) => work(store, question, REQUESTS),
  'slowest endpoints': (store, question) => slowest(store, question, REQUESTS),
  database: databaseFigures,
  queues: queueFigures,
  health: healthFigures,
  trends: (store, question) => trends(store, question, 'previous', ZONE),
};

export const wholeDashboard: Ask = (store, question) => dashboard(store, question, ZONE);

/** Lengths of the ranges, with the longest time in ms that a panel may take at the 95th percentile. */
export const RANGES = [
  { name: '1 h', ms: HOUR_MS, panelMs: 50 },
  { name: '24 h', ms: DAY_MS, panelMs: 150 },
  { name: '30 days', ms: 30 * DAY_MS, panelMs: 400 },
] as const;
