import { EVERYTHING, narrow, type Scope } from '../schema/scope.ts';
import type { Comparison } from './compare.ts';
import { type DatabaseFigures, databaseFigures } from './database.ts';
import { stateOfRows, untilNow } from './freshness.ts';
import { type HealthFigures, healthFigures } from './health.ts';
import type { Question } from './question.ts';
import { type QueueFigures, queueFigures } from './queues.ts';
import { lastOf, MINUTE_MS } from './range.ts';
import { shared } from './shared.ts';
import { type NamedTime, slowest } from './slowest.ts';
import type { Store } from './store.ts';
import { type Trends, trends } from './trends.ts';
import { plain, type Work, work } from './work.ts';

/** What an application asks of its own data. */
export interface DashboardOptions {
  /** Default: 15 minutes. */
  windowMs?: number;
  /** End of the window; default now. */
  now?: Date;
  /** Only rows of this organization, or property. Default: of all. */
  organizationId?: string;
  propertyId?: string;
  /** Count rows of tests as well. */
  includeTest?: boolean;
}

/** Times in ms, rates per second, shares in percent. Undefined is "nothing reported". */
interface RequestFigures extends Partial<Omit<Work, 'group' | 'span' | 'count' | 'rate'>> {
  count: number;
  rate: number;
  slowestEndpoints: NamedTime[];
}

export interface Dashboard {
  from: Date;
  to: Date;
  api: RequestFigures;
  database: DatabaseFigures;
  queues: QueueFigures[];
  systemHealth: HealthFigures[];
  trends: Trends;
}

const REQUESTS = { metricType: 'API_RESPONSE_TIME' } as const;

/** The question that an application's options mean, within `scope`. */
export function questionOf(options: DashboardOptions = {}, scope: Scope = EVERYTHING): Question {
  const { windowMs = 15 * MINUTE_MS, now, includeTest } = options;
  const range = now ? lastOf(windowMs, now.getTime()) : untilNow(windowMs);
  return { scope: narrow(scope, options), range, includeTest };
}

/** All figures of a range, each from QuestDB. What nothing has reported is undefined or empty. */
export function dashboard(
  store: Store,
  question: Question,
  zone: string,
  comparison: Comparison = 'previous',
): Promise<Dashboard> {
  const key = JSON.stringify([question, zone, comparison]);
  return shared(store, key, stateOfRows(question.range), () =>
    figuresOf(store, question, zone, comparison),
  );
}

async function figuresOf(
  store: Store,
  question: Question,
  zone: string,
  comparison: Comparison,
): Promise<Dashboard> {
  const { fromMs, toMs } = question.range;
  const [api, database, queues, systemHealth, changes] = await Promise.all([
    requestFigures(store, question),
    databaseFigures(store, question),
    queueFigures(store, question),
    healthFigures(store, question),
    trends(store, question, comparison, zone),
  ]);
  return {
    from: new Date(fromMs),
    to: new Date(toMs),
    api,
    database,
    queues,
    systemHealth,
    trends: changes,
  };
}

async function requestFigures(store: Store, question: Question): Promise<RequestFigures> {
  const [[all], slowestEndpoints] = await Promise.all([
    work(store, { ...question, groupBy: [], step: undefined }, REQUESTS),
    slowest(store, question, REQUESTS),
  ]);
  if (!all) return { count: 0, rate: 0, slowestEndpoints };
  const { group: _, span: __, ...figures } = plain(all);
  return { ...figures, slowestEndpoints };
}
