import type { ScaledView } from '../../schema/action-desk.ts';
import { gauges } from '../../windows/gauges.ts';
import type { Question } from '../../windows/question.ts';
import { queueSeries } from '../../windows/queue-series.ts';
import { floorTo, MINUTE_MS } from '../../windows/range.ts';
import type { Store } from '../../windows/store.ts';
import { totals } from '../../windows/totals.ts';
import { type Load, lastProcessingTime, recommend, type ScalingTarget } from './recommend.ts';

export interface ScalingQuestion extends Pick<Question, 'scope' | 'filter'> {
  readonly target: ScalingTarget;
  /** How long a smaller need must last before it counts, in ms. */
  readonly stabilizationMs: number;
  readonly now: number;
}

const WORKERS = { metricType: 'CUSTOM', names: ['perfscope.queue.workers'] } as const;
const REQUESTS = { metricType: 'API_RESPONSE_TIME' } as const;
const STEP = { ms: MINUTE_MS, zone: 'utc' } as const;

/** Workers of each queue that was seen. All from stored data: any server, and after a restart, the same. */
export async function scaledQueues(store: Store, asked: ScalingQuestion): Promise<ScaledView[]> {
  const { question, minutes } = spanOf(asked);
  const [series, workers] = await Promise.all([
    queueSeries(store, { ...question, step: STEP }),
    gauges(store, { ...question, groupBy: ['queue'] }, WORKERS),
  ]);
  const workersOf = new Map(workers.map(({ group, last }) => [group.queue, last]));
  return series.map(({ queue, points }) => {
    const at = new Map(points.map((point) => [point.span?.fromMs, point]));
    let backlog = 0;
    const history = minutes.map(({ fromMs, seconds, isLast }) => {
      const point = at.get(fromMs);
      // What waits is known at once, also of a minute that is too young for its rates.
      const newest = isLast ? at.get(fromMs + MINUTE_MS) : undefined;
      // A minute without a report is not an empty queue.
      backlog = newest?.depth ?? point?.depth ?? backlog;
      const arrivalRate = (point?.arrived ?? 0) / seconds;
      return { arrivalRate, processingTime: point?.averageProcessing, backlog };
    });
    return scaled('queue', queue, history, asked.target, workersOf.get(queue));
  });
}

/** Replicas of each service that answers requests. Requests that wait outside of it are not known. */
export async function scaledServices(store: Store, asked: ScalingQuestion): Promise<ScaledView[]> {
  const { question, minutes } = spanOf(asked);
  const [done, instances] = await Promise.all([
    totals(store, { ...question, groupBy: ['service'], step: STEP }, REQUESTS),
    totals(store, { ...question, groupBy: ['service', 'instance'] }, REQUESTS),
  ]);
  return [...Map.groupBy(done, ({ group }) => group.service)].flatMap(([service, found]) => {
    if (service === undefined) return [];
    const at = new Map(found.map((total) => [total.span?.fromMs, total]));
    const history = minutes.map(({ fromMs, seconds }) => {
      const total = at.get(fromMs);
      const arrivalRate = (total?.count ?? 0) / seconds;
      return { arrivalRate, processingTime: total?.average, backlog: 0 };
    });
    const current = instances.filter(({ group }) => group.service === service).length;
    return scaled('service', service, history, asked.target, current);
  });
}

/** Minutes back from the one that goes on, which counts when half of it is there. */
function spanOf({ scope, filter, now, stabilizationMs }: ScalingQuestion) {
  const lastMs = floorTo(now - MINUTE_MS / 2, MINUTE_MS);
  const fromMs = floorTo(lastMs - stabilizationMs, MINUTE_MS);
  const minutes: { fromMs: number; seconds: number; isLast: boolean }[] = [];
  for (let ms = fromMs; ms <= lastMs; ms += MINUTE_MS) {
    const seconds = Math.min(MINUTE_MS, now - ms) / 1000;
    minutes.push({ fromMs: ms, seconds, isLast: ms === lastMs });
  }
  return { question: { scope, filter, range: { fromMs, toMs: now } }, minutes };
}

function scaled(
  kind: ScaledView['kind'],
  name: string,
  history: readonly Load[],
  target: ScalingTarget,
  current: number | undefined,
): ScaledView {
  const { arrivalRate = 0, backlog = 0 } = history.at(-1) ?? {};
  const processingTime = lastProcessingTime(history);
  const found = recommend(history, target, current);
  return { kind, name, current, arrivalRate, processingTime, backlog, ...found };
}
