import type { Query } from '../questdb/reader.ts';
import { type DatabaseFigures, databaseFigures } from './database.ts';
import { type HealthFigures, healthFigures } from './health.ts';
import { type QueueFigures, queueFigures } from './queues.ts';
import { type DashboardOptions, rangeOf } from './range.ts';
import { type NamedTime, slowest, type TimedWork, timedWork } from './requests.ts';
import { type Trends, trends } from './trends.ts';

export type { DashboardOptions };

export interface Dashboard {
  from: Date;
  to: Date;
  api: TimedWork & { slowestEndpoints: NamedTime[] };
  database: DatabaseFigures;
  queues: QueueFigures[];
  systemHealth: HealthFigures[];
  trends: Trends;
}

/** All figures of a window, each from QuestDB. What nothing has reported is undefined or empty. */
export async function dashboard(query: Query, options: DashboardOptions = {}): Promise<Dashboard> {
  const range = rangeOf(options);
  const [api, slowestEndpoints, database, queues, systemHealth, changes] = await Promise.all([
    timedWork(query, range, 'API_RESPONSE_TIME'),
    slowest(query, range, 'API_RESPONSE_TIME'),
    databaseFigures(query, range),
    queueFigures(query, range),
    healthFigures(query, range),
    trends(query, range),
  ]);
  return {
    from: range.from,
    to: range.to,
    api: { ...api, slowestEndpoints },
    ...{ database, queues, systemHealth, trends: changes },
  };
}
