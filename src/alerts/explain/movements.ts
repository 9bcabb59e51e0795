import type { PerformanceMetricType } from '../../schema/metric-type.ts';
import type { Dimension } from '../../windows/dimensions.ts';
import { keyOf } from '../../windows/question.ts';
import type { Observation } from '../evaluate/observation.ts';
import { observeMeasure } from '../observe/measure.ts';
import type { Round } from '../observe/round.ts';
import type { Labels, Measure } from '../rules/rule.ts';
import type { Aggregate } from '../rules/words.ts';
import type { Movement } from './movement.ts';

type Look = Pick<Movement, 'figure' | 'unit' | 'shown'> & {
  readonly type: PerformanceMetricType | undefined;
  readonly aggregate: Aggregate;
  /** What the figure is of; none: of the service as a whole. */
  readonly by?: Dimension;
};

/** What is looked at beside the figure that is breached. */
const LOOKS: readonly Look[] = [
  look('API_RESPONSE_TIME', 'mean', 'response time', 'ms', 'factor'),
  look('API_RESPONSE_TIME', 'rate', 'requests', '1/min', 'factor'),
  look('API_RESPONSE_TIME', 'error_ratio', 'error rate', '%', 'level'),
  look('DATABASE_QUERY_TIME', 'mean', 'database time', 'ms', 'factor'),
  look('DATABASE_QUERY_TIME', 'rate', 'statements', '1/min', 'factor'),
  look(undefined, 'oldest_age', 'oldest job', 'ms', 'level', 'queue'),
  look(undefined, 'depth', 'waiting jobs', '1', 'level', 'queue'),
  look('CPU_USAGE', 'mean', 'CPU', '%', 'level', 'instance'),
  look('MEMORY_USAGE', 'mean', 'memory', '%', 'level', 'instance'),
];
/** Hosts and depths of queues belong to no tenant. */
const TENANTLESS = new Set<Look['figure']>(['oldest job', 'waiting jobs', 'CPU', 'memory']);

/** Other figures of the same tenant, service and host, in the window and in the one before. */
export async function movementsOf(
  measure: Measure,
  group: Labels,
  rounds: { readonly now: Round; readonly before: Round },
): Promise<Movement[]> {
  const { windowMs, type, aggregate } = measure;
  const others = LOOKS.filter((l) => l.aggregate !== aggregate || l.type !== type);
  const found = await Promise.all(
    others.map(async ({ figure, unit, shown, by, ...what }) => {
      const kept = TENANTLESS.has(figure)
        ? ['service', 'instance']
        : ['service', 'organization', 'property', 'instance'];
      const own = Object.entries(group).filter(([name]) => kept.includes(name));
      const filter = Object.fromEntries(own.map(([name, text]) => [name, [text]]));
      const asked: Measure = {
        kind: 'measure',
        windowMs,
        filter,
        ...what,
        groupBy: by ? [by] : [],
        slowerThanMs: undefined,
        baselineMs: undefined,
      };
      const [now, before] = await Promise.all([
        observeMeasure(asked, rounds.now),
        observeMeasure(asked, rounds.before),
      ]);
      const valueBefore = new Map(before.map(({ labels, value }) => [keyOf(labels), value]));
      return now.flatMap(({ labels, value }: Observation): Movement[] => {
        const before = valueBefore.get(keyOf(labels));
        // What has just begun to report has not moved; only a queue's jobs speak for themselves.
        if (value === undefined || (before === undefined && by !== 'queue')) return [];
        const name = by && labels[by];
        const subject = by && name ? { dimension: by, name } : undefined;
        return [{ figure, unit, shown, subject, before, now: value }];
      });
    }),
  );
  return found.flat();
}

function look(
  type: Look['type'],
  aggregate: Aggregate,
  figure: string,
  unit: Movement['unit'],
  shown: Movement['shown'],
  by?: Dimension,
): Look {
  return { type, aggregate, figure, unit, shown, ...(by && { by }) };
}
