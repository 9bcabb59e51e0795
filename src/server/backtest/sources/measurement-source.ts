import { MINUTE_MS } from '../../../core/duration.ts';
import { toGroupKey } from '../../../storage/queries/query-definition.ts';
import { computePercent } from '../../../storage/queries/row-values.ts';
import type { Observation } from '../../alerts/evaluation/observation.ts';
import {
  computeMean,
  computeMeanBounds,
  getCount,
} from '../../alerts/rule-queries/measure-observation.ts';
import { canStartSpike, computeSpike } from '../../alerts/rule-queries/query-spike.ts';
import type { Measure } from '../../alerts/rules/alert-rule.ts';
import type { Aggregate } from '../../alerts/rules/rule-aggregates.ts';
import { SlidingBuckets } from '../windows/sliding-buckets.ts';
import { SlidingSums } from '../windows/sliding-sums.ts';
import type { CellQuery, CellStores } from './cell-stores.ts';
import { GroupWindows } from './group-store.ts';
import type { ReplaySource } from './replay-source.ts';

type SumsValue = (sums: SlidingSums, measure: Measure) => Pick<Observation, 'value' | 'bounds'>;

const SUMS_VALUES: Readonly<Partial<Record<Aggregate, SumsValue>>> = {
  mean: (sums, measure) => ({
    value: computeMean(sums),
    bounds: computeMeanBounds(sums, measure),
  }),
  min: ({ min: value }) => ({ value }),
  max: ({ max: value }) => ({ value }),
  last: ({ last: value }) => ({ value }),
  count: (sums) => ({ value: getCount(sums) }),
  rate: (sums, { windowMs }) => ({ value: (getCount(sums) * MINUTE_MS) / windowMs }),
  error_ratio: ({ errorCount, count }) => ({ value: computePercent(errorCount, count) }),
};

const QUANTILES: Readonly<Partial<Record<Aggregate, number>>> = {
  p50: 0.5,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
  p999: 0.999,
};

/** Returns the highest mean of each group at similar times, by group key. `now` is in ms since the epoch. */
export type QueryUsualMeans = (
  measure: Measure,
  now: number,
) => Promise<ReadonlyMap<string, number>>;

/** Creates the source of a measure that reads measurements. Returns undefined for other aggregates. */
export function createMeasurementSource(
  measure: Measure,
  stores: CellStores,
  queryUsualMeans: QueryUsualMeans,
): ReplaySource | undefined {
  const { aggregate } = measure;
  const toValue = SUMS_VALUES[aggregate];
  if (toValue) return createSumsSource(measure, stores, toValue);
  if (aggregate === 'spike') return createSpikeSource(measure, stores, queryUsualMeans);
  const isDistribution =
    QUANTILES[aggregate] !== undefined || aggregate === 'slow_share' || aggregate === 'apdex';
  return isDistribution ? createDistributionSource(measure, stores) : undefined;
}

function toCellQuery({ type, filter, groupBy }: Measure): CellQuery {
  return { kind: 'sums', type, filter, groupBy };
}

function createSumsSource(measure: Measure, stores: CellStores, toValue: SumsValue): ReplaySource {
  const { windowMs } = measure;
  const store = stores.getSums(toCellQuery(measure), windowMs);
  const windows = new GroupWindows(store, (series) => new SlidingSums(series, windowMs));
  return {
    precision: [],
    observe(now) {
      const observations: Observation[] = [];
      for (const [{ labels }, sums] of windows.list()) {
        sums.advance(now);
        if (!hasMeasurements(sums)) continue;
        const { value, bounds } = toValue(sums, measure);
        observations.push(toObservation(labels, sums, value, getCount(sums), bounds));
      }
      return observations;
    },
  };
}

function createSpikeSource(
  measure: Measure,
  stores: CellStores,
  queryUsualMeans: QueryUsualMeans,
): ReplaySource {
  const { windowMs } = measure;
  const baselineMs = measure.baselineMs ?? windowMs;
  const store = stores.getSums(toCellQuery(measure), windowMs, baselineMs);
  const windows = new GroupWindows(store, (series) => ({
    sums: new SlidingSums(series, windowMs),
    baseline: new SlidingSums(series, baselineMs),
  }));
  return {
    precision: [],
    async observe(now) {
      const compare = (usualMeans?: ReadonlyMap<string, number>): Observation[] => {
        const observations: Observation[] = [];
        for (const [{ group, labels }, { sums, baseline }] of windows.list()) {
          sums.advance(now);
          baseline.advance(now);
          if (!hasMeasurements(sums)) continue;
          const before = hasMeasurements(baseline) ? baseline : undefined;
          const usualMean = usualMeans?.get(toGroupKey(group)) ?? 0;
          const spike = computeSpike(sums, before, usualMean, measure, now);
          const observation = toObservation(labels, sums, spike.value, getCount(sums));
          observations.push({ ...observation, ...spike });
        }
        return observations;
      };
      const observations = compare();
      if (!observations.some(canStartSpike)) return observations;
      return compare(await queryUsualMeans(measure, now));
    },
  };
}

function createDistributionSource(measure: Measure, stores: CellStores): ReplaySource {
  const { windowMs, aggregate, slowerThanMs = 0, type = 'CUSTOM' } = measure;
  const query = toCellQuery(measure);
  const windows = new GroupWindows(
    stores.getSums(query, windowMs),
    (series) => new SlidingSums(series, windowMs),
  );
  const histograms = new GroupWindows(
    stores.getBuckets({ ...query, type }, windowMs),
    (series) => new SlidingBuckets(series, windowMs),
  );
  const quantile = QUANTILES[aggregate];

  function computeValue(sums: SlidingSums, buckets: SlidingBuckets): number | undefined {
    if (quantile === undefined) {
      if (aggregate === 'apdex') return buckets.distribution.computeApdex(slowerThanMs);
      const share = buckets.distribution.computeShareAbove(slowerThanMs);
      return share === undefined ? undefined : 100 * share;
    }
    const value = buckets.computePercentile(quantile);
    if (value === undefined) return undefined;
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = sums;
    return Math.min(max, Math.max(min, value));
  }

  return {
    precision: [],
    observe(now) {
      for (const buckets of histograms.list().values()) buckets.advance(now);
      const observations: Observation[] = [];
      for (const [{ key, labels }, sums] of windows.list()) {
        sums.advance(now);
        if (!hasMeasurements(sums)) continue;
        const buckets = histograms.find(key);
        const value = buckets && buckets.total > 0 ? computeValue(sums, buckets) : undefined;
        observations.push(toObservation(labels, sums, value, sums.count, undefined));
      }
      return observations;
    },
  };
}

/** Rows of aborted operations contain no measurements. */
export function hasMeasurements(sums: SlidingSums): boolean {
  return !sums.isEmpty && (sums.count > 0 || sums.valueCount > 0);
}

export function toObservation(
  labels: Observation['labels'],
  { newestMs, oldestMs }: { newestMs: number; oldestMs: number },
  value: number | undefined,
  count: number,
  bounds?: Observation['bounds'],
): Observation {
  return { labels, value, count, newestMs, coveredMs: newestMs - oldestMs, bounds };
}
