import type { Group } from '../../windows/dimensions.ts';
import { type Figures, together } from '../../windows/figures.ts';
import { keyOf } from '../../windows/question.ts';
import { READY, timeToDrain } from '../../windows/queues.ts';
import { floorTo, MINUTE_MS } from '../../windows/range.ts';
import { percentOf } from '../../windows/row.ts';
import type { Observation } from '../evaluate/observation.ts';
import type { Labels, Measure } from '../rules/rule.ts';
import type { Aggregate } from '../rules/words.ts';
import type { Round } from './round.ts';

/** What the rows of a measure's window say of each of its groups. */
export function observeMeasure(measure: Measure, round: Round): Promise<Observation[]> {
  return OBSERVERS[measure.aggregate](measure, round);
}

type Observer = (measure: Measure, round: Round) => Promise<Observation[]>;

const OBSERVERS: Readonly<Record<Aggregate, Observer>> = {
  mean: ofFigures(meanOf),
  min: ofFigures(({ least }) => least),
  max: ofFigures(({ most }) => most),
  last: ofFigures(({ last }) => last),
  count: ofFigures(countOf),
  rate: ofFigures((found, { windowMs }) => (countOf(found) * MINUTE_MS) / windowMs),
  error_ratio: ofFigures(({ errors, count }) => percentOf(errors, count)),
  p50: ofBuckets((spread) => spread.percentiles().p50),
  p90: ofBuckets((spread) => spread.percentiles().p90),
  p95: ofBuckets((spread) => spread.percentiles().p95),
  p99: ofBuckets((spread) => spread.percentiles().p99),
  p999: ofBuckets((spread) => spread.percentiles().p999),
  slow_share: ofBuckets((spread, { slowerThanMs = 0 }) => {
    const share = spread.shareAbove(slowerThanMs);
    return share === undefined ? undefined : 100 * share;
  }),
  apdex: ofBuckets((spread, { slowerThanMs = 0 }) => spread.apdex(slowerThanMs)),
  spike,
  uptime: observeUptime,
  depth: async (measure, round) => {
    const depths = await depthsOf(measure, round);
    return depths.map((found) => observed(found, found.value, found.values));
  },
  oldest_age: (measure, round) =>
    ofFigures(({ last }) => last)({ ...measure, type: 'QUEUE_OLDEST_AGE' }, round),
  failure_rate: async (measure, round) => {
    const jobs = await round.jobs(measure);
    return jobs.flatMap(({ group, completed, failed, newestMs }) => {
      const ended = completed + failed;
      return ended > 0 ? [observed({ group, newestMs }, percentOf(failed, ended), ended)] : [];
    });
  },
  time_to_drain: observeDrain,
};

function ofFigures(value: (found: Figures, measure: Measure) => number | undefined): Observer {
  return async (measure, round) => {
    const found = await round.figures(measure);
    return found.map((each) => observed(each, value(each, measure), countOf(each)));
  };
}

type Spread = Awaited<ReturnType<Round['distributions']>> extends Map<string, infer D> ? D : never;

/** Buckets are wider than what is in them: a percentile is never beyond the extremes. */
function ofBuckets(value: (spread: Spread, measure: Measure) => number | undefined): Observer {
  return async (measure, round) => {
    const { type = 'CUSTOM', aggregate } = measure;
    const [found, spreads] = await Promise.all([
      round.figures(measure),
      round.distributions({ ...measure, type }),
    ]);
    return found.map((each) => {
      const spread = spreads.get(keyOf(each.group));
      const exact = spread && value(spread, measure);
      const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = each;
      const isTime = aggregate.startsWith('p') && exact !== undefined;
      return observed(each, isTime ? Math.min(most, Math.max(least, exact)) : exact, each.count);
    });
  };
}

/** The mean of the window as a multiple of that of the longer time that ends with it. */
async function spike(measure: Measure, round: Round): Promise<Observation[]> {
  const [found, usual] = await Promise.all([
    round.figures(measure),
    round.figures({ ...measure, windowMs: measure.baselineMs ?? measure.windowMs }),
  ]);
  const usualOf = new Map(usual.map((each) => [keyOf(each.group), meanOf(each)]));
  return found.map((each) => {
    const [mean, before] = [meanOf(each), usualOf.get(keyOf(each.group))];
    const factor = mean !== undefined && before ? mean / before : undefined;
    return observed(each, factor, countOf(each));
  });
}

/** The share rests on what is missing as much as on what is there, so it is always of now. */
async function observeUptime(measure: Measure, round: Round): Promise<Observation[]> {
  const newestMs = floorTo(round.now, MINUTE_MS);
  return (await round.uptime(measure)).map(({ group, uptime, intervals }) =>
    observed({ group, newestMs }, uptime, intervals),
  );
}

/** Jobs that could run now: the newest depth of each such state. */
async function depthsOf(measure: Measure, round: Round): Promise<(Figures & { value: number })[]> {
  const groupBy = [...new Set([...measure.groupBy, 'operation' as const])];
  const found = await round.figures({ ...measure, type: 'QUEUE_DEPTH', groupBy });
  const groups = new Map<string, Figures & { value: number }>();
  for (const each of found) {
    if (!READY.has(each.group.operation)) continue;
    const group = Object.fromEntries(measure.groupBy.map((name) => [name, each.group[name]]));
    const known = groups.get(keyOf(group));
    const value = (known?.value ?? 0) + (each.last ?? 0);
    groups.set(keyOf(group), { ...(known ? together(known, each) : each), group, value });
  }
  return [...groups.values()];
}

/** Rests on the jobs that wait: a queue of a few that is never quite empty is none that grows. */
async function observeDrain(measure: Measure, round: Round): Promise<Observation[]> {
  const [depths, jobs] = await Promise.all([depthsOf(measure, round), round.jobs(measure)]);
  const jobsOf = new Map(jobs.map((total) => [keyOf(total.group), total]));
  return depths.map((found) => {
    const { arrived = 0, completed = 0, failed = 0 } = jobsOf.get(keyOf(found.group)) ?? {};
    const perSecond = (count: number) => (1000 * count) / measure.windowMs;
    const flow = {
      arrivalRate: perSecond(arrived),
      completionRate: perSecond(completed + failed),
    };
    const ms = timeToDrain(found.value, flow) ?? Number.POSITIVE_INFINITY;
    return observed(found, ms, found.value);
  });
}

function meanOf({ count, total, values, valueTotal }: Figures): number | undefined {
  if (count > 0) return total / count;
  return values > 0 ? valueTotal / values : undefined;
}

function countOf({ count, values }: Figures): number {
  return count > 0 ? count : values;
}

function observed(
  { group, newestMs }: { group: Group; newestMs: number },
  value: number | undefined,
  count: number,
): Observation {
  return { labels: labelsOf(group), value, count, newestMs };
}

function labelsOf(group: Group): Labels {
  return Object.fromEntries(
    Object.entries(group).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}
