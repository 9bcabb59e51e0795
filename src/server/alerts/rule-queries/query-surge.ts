import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { MetricSums } from '../../../storage/queries/measurement-sums.ts';
import {
  type Dimension,
  type Filter,
  type Group,
  toGroupKey,
} from '../../../storage/queries/query-definition.ts';
import { floorTo } from '../../../storage/queries/time-range.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { Measure } from '../rules/alert-rule.ts';
import { getCount, toObservation } from './measure-observation.ts';
import { computeSurges, type RequestCounts, type Surge } from './rate-surge.ts';
import type { RuleQueryCache } from './rule-query-cache.ts';

/** With more groups, the counts per minute are read only for the groups with the most requests. */
const MAX_COMPARED_GROUPS = 250;
/**
 * Limit on groups whose counts are read. The filter of the compared groups also selects other groups, for example
 * the other services of each property.
 */
const MAX_READ_GROUPS = 500;
/** Lower factors can't start an alert, so the other days aren't read. */
const MIN_FACTOR = 2;
/** Times at which the load is similar: the same time of the day before, and of the week before. */
const SIMILAR_TIMES_MS = [DAY_MS, 7 * DAY_MS];
const SIMILAR_TIME_TOLERANCE_MS = 30 * MINUTE_MS;
const SIMILAR_TIME_STEP_MS = 10 * MINUTE_MS;

/**
 * Returns the rate of each group, divided by the highest rate before the surge started. The rate must also be higher
 * than at the same time of the day before and of the week before, in the same proportion.
 */
export async function querySurge(measure: Measure, cache: RuleQueryCache): Promise<Observation[]> {
  const sums = await cache.metricSums(measure);
  const toRate = (each: MetricSums) => (getCount(each) * MINUTE_MS) / measure.windowMs;
  // Without enough requests for the minimum increase, there is nothing to compare.
  const candidates = sums.filter((each) => toRate(each) > measure.minimumIncrease);
  if (candidates.length === 0) return sums.map((each) => toObservation(each, 1, getCount(each)));
  const { compared, filter } = selectGroups(sums, measure);
  const counts = await queryMinutes({ ...measure, filter }, cache);
  const toCounts = (each: MetricSums): RequestCounts => ({
    rate: toRate(each),
    minutes: counts.get(toGroupKey(each.group)) ?? [],
  });
  const candidateKeys = new Set(candidates.map(({ group }) => toGroupKey(group)));
  const surges = new Map<string, Surge>();
  for (const ofService of Map.groupBy(compared, ({ group }) => group.service).values()) {
    const found = computeSurges(ofService.map(toCounts));
    for (const [i, { group }] of ofService.entries()) {
      const key = toGroupKey(group);
      if (candidateKeys.has(key)) surges.set(key, found[i]!);
    }
  }
  const isSurge = [...surges.values()].some(({ factor }) => factor >= MIN_FACTOR);
  const usualRates = isSurge ? await queryUsualRates({ ...measure, filter }, cache) : undefined;
  return sums.map((each) => {
    const key = toGroupKey(each.group);
    const surge = surges.get(key);
    return surge
      ? toSurgeObservation(each, toRate(each), surge, usualRates?.get(key) ?? 0, measure)
      : toObservation(each, 1, getCount(each));
  });
}

function toSurgeObservation(
  sums: MetricSums,
  rate: number,
  { factor, increase, minutes, neededMinutes }: Surge,
  usualRate: number,
  { minimumIncrease }: Measure,
): Observation {
  const value = usualRate > 0 ? Math.min(factor, rate / usualRate) : factor;
  const observation = toObservation(sums, value, getCount(sums));
  if (minutes < neededMinutes) {
    const [haveMs, neededMs] = [minutes * MINUTE_MS, neededMinutes * MINUTE_MS];
    return { ...observation, waiting: { reason: 'baseline', haveMs, neededMs } };
  }
  const isEvident = Math.min(increase, rate - usualRate) >= minimumIncrease;
  return isEvident
    ? observation
    : { ...observation, bounds: { lower: Math.min(1, value), upper: value } };
}

/** Returns the number of measurements in each minute of the baseline before the window, by group. */
async function queryMinutes(
  measure: Measure,
  cache: RuleQueryCache,
): Promise<Map<string, number[]>> {
  const { windowMs, baselineMs = windowMs } = measure;
  const toMs = floorTo(cache.now - windowMs, MINUTE_MS);
  const fromMs = toMs - floorTo(baselineMs, MINUTE_MS);
  const steps = await cache.steppedSums(measure, { fromMs, toMs }, MINUTE_MS);
  const minutes = new Map<string, number[]>();
  for (const each of steps) {
    const key = toGroupKey(each.group);
    const counts = minutes.get(key) ?? new Array<number>((toMs - fromMs) / MINUTE_MS).fill(0);
    minutes.set(key, counts);
    const index = Math.floor(((each.bucket?.fromMs ?? fromMs) - fromMs) / MINUTE_MS);
    counts[index] = (counts[index] ?? 0) + getCount(each);
  }
  return minutes;
}

/** Returns the highest rate per minute of each group around the same time of the day before and of the week before. */
async function queryUsualRates(
  measure: Measure,
  cache: RuleQueryCache,
): Promise<ReadonlyMap<string, number>> {
  const found = await Promise.all(
    SIMILAR_TIMES_MS.map((agoMs) => {
      const toMs = floorTo(cache.now - agoMs + SIMILAR_TIME_TOLERANCE_MS, SIMILAR_TIME_STEP_MS);
      const fromMs = toMs - 2 * SIMILAR_TIME_TOLERANCE_MS;
      return cache.steppedSums(measure, { fromMs, toMs }, SIMILAR_TIME_STEP_MS);
    }),
  );
  const usual = new Map<string, number>();
  for (const each of found.flat()) {
    const key = toGroupKey(each.group);
    const rate = (getCount(each) * MINUTE_MS) / SIMILAR_TIME_STEP_MS;
    usual.set(key, Math.max(usual.get(key) ?? 0, rate));
  }
  return usual;
}

/** Returns the groups with the most requests, and a filter that selects these groups and few others. */
export function selectGroups(
  sums: readonly MetricSums[],
  { filter, groupBy }: Pick<Measure, 'filter' | 'groupBy'>,
): { compared: readonly MetricSums[]; filter: Filter } {
  if (sums.length <= MAX_COMPARED_GROUPS) return { compared: sums, filter };
  const largest = sums.toSorted((a, b) => getCount(b) - getCount(a));
  for (let size = MAX_COMPARED_GROUPS; ; size = Math.ceil(size / 2)) {
    const compared = largest.slice(0, size);
    const values = new Map(
      groupBy.map((name) => [name, new Set(compared.map(({ group }) => toValue(group, name)))]),
    );
    const isSelected = ({ group }: MetricSums) =>
      groupBy.every((name) => values.get(name)?.has(toValue(group, name)));
    if (size > 1 && sums.filter(isSelected).length > MAX_READ_GROUPS) continue;
    const selected = [...values].map(([name, known]) => [name, [...known]]);
    return { compared, filter: { ...Object.fromEntries(selected), ...filter } };
  }
}

function toValue(group: Group, name: Dimension): string {
  return group[name] ?? '(none)';
}
