import type { Store } from '../../windows/store.ts';
import { observeMeasure } from '../observe/measure.ts';
import { Round } from '../observe/round.ts';
import type { Labels, Measure } from '../rules/rule.ts';
import { type Aggregate, aggregateWords } from '../rules/words.ts';
import { contributorsOf } from './contributors.ts';
import type { Breach, FigureUnit, Movement } from './movement.ts';
import { movementsOf } from './movements.ts';

const NAMES: Readonly<Partial<Record<Aggregate, string>>> = {
  mean: 'average',
  count: 'count',
  rate: 'rate',
  error_ratio: 'error rate',
  slow_share: 'slow share',
  spike: 'average',
  depth: 'waiting jobs',
  oldest_age: 'oldest job',
  failure_rate: 'failure rate',
  time_to_drain: 'time to drain',
};
const PERCENT = new Set<Measure['type']>(['CPU_USAGE', 'MEMORY_USAGE', 'DISK_USAGE']);
const TIMES = /_TIME$|_AGE$|_DELAY$|_DURATION$/;

/** What the rows say about a group at the time of its breach. @throws PS_UNAVAILABLE */
export async function breachOf(
  store: Store,
  measure: Measure,
  group: Labels,
  value: number,
  now: number,
): Promise<Breach> {
  const own: Measure = { ...measure, filter: { ...measure.filter, ...filterOf(group) } };
  const rounds = {
    now: new Round(store, now, 60_000),
    before: new Round(store, now - measure.windowMs, 60_000),
  };
  const [headline, contributors, movements] = await Promise.all([
    headlineOf(own, rounds.before, value),
    contributorsOf(own, rounds.now),
    movementsOf(own, group, rounds),
  ]);
  return { headline, contributors, movements };
}

async function headlineOf(measure: Measure, before: Round, value: number): Promise<Movement> {
  const { aggregate, type } = measure;
  const unit = unitOf(measure);
  // A spike is a factor already, of another time than the window before.
  const isSpike = aggregate === 'spike';
  const found = isSpike ? [] : await observeMeasure(measure, before);
  return {
    figure: NAMES[aggregate] ?? (type === 'CPU_USAGE' ? 'CPU' : aggregate),
    subject: undefined,
    before: isSpike ? 1 : found[0]?.value,
    now: value,
    unit,
    shown: unit === 'ms' && aggregate !== 'oldest_age' ? 'factor' : isSpike ? 'factor' : 'level',
  };
}

function unitOf({ aggregate, type }: Measure): FigureUnit {
  const { unit } = aggregateWords(aggregate);
  if (unit !== 'type') return unit;
  if (PERCENT.has(type)) return '%';
  return TIMES.test(type ?? '') ? 'ms' : '1';
}

function filterOf(group: Labels): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(group).map(([name, text]) => [name, [text]]));
}
