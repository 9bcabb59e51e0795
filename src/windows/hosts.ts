import { identifier, sql } from '../questdb/statement.ts';
import type { Group } from './dimensions.ts';
import { HOSTS } from './families.ts';
import type { Question } from './question.ts';
import type { Range } from './range.ts';
import { numberOf } from './row.ts';
import { type Figure, select } from './select.ts';
import type { Store } from './store.ts';

/** Figures of `system_health`. Usages and rates in percent, times in ms. */
export const HOST_FIGURES = {
  cpuUsage: 'cpu_usage',
  memoryUsage: 'memory_usage',
  diskUsage: 'disk_usage',
  load: 'load',
  eventLoopDelayP99: 'event_loop_delay_p99',
  avgResponseTime: 'avg_response_time',
  errorRate: 'error_rate',
  dbConnections: 'db_connections',
  dbQueryTime: 'db_query_time',
  activeUsers: 'active_users',
  ongoingReservations: 'ongoing_reservations',
} as const;
export type HostFigure = keyof typeof HOST_FIGURES;

export interface HostPoint {
  group: Group;
  span: Range | undefined;
  average: number | undefined;
  max: number | undefined;
  samples: number;
}

/** Sum, number and greatest of one figure's samples. */
export function hostFigures(figure: HostFigure): Record<'total' | 'samples' | 'most', Figure> {
  const column = HOST_FIGURES[figure];
  const again = (name: string, by: string) =>
    sql`${identifier(by)}(${identifier(`${column}_${name}`)})`;
  const raw = (by: string) => sql`${identifier(by)}(${identifier(column)})`;
  return {
    total: { rows: raw('sum'), rollup: again('sum', 'sum'), again: 'sum' },
    samples: { rows: raw('count'), rollup: again('count', 'sum'), again: 'sum' },
    most: { rows: raw('max'), rollup: again('max', 'max'), again: 'max' },
  };
}

/** Mean and worst of one figure of hosts and processes, by service, version, environment or instance. */
export async function hostFigure(
  store: Store,
  question: Question,
  figure: HostFigure,
): Promise<HostPoint[]> {
  const figures = hostFigures(figure);
  const answers = await select(store, HOSTS, question, { figures });
  return answers.flatMap(({ group, span, row }) => {
    const samples = numberOf(row.samples) ?? 0;
    if (samples === 0) return [];
    const average = (numberOf(row.total) ?? 0) / samples;
    return { group, span, samples, average, max: numberOf(row.most) };
  });
}
