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
import type { SlidingBuckets } from '../windows/sliding-buckets.ts';
import { type CellLimits, SlidingSums } from '../windows/sliding-sums.ts';
import type { CellQuery, CellStores, SumColumn } from './cell-stores.ts';
import { GroupWindows } from './group-store.ts';
import {
  createDistributionSource,
  createSumsSource,
  hasMeasurements,
} from './measurement-windows.ts';
import type { ReplaySource } from './replay-source.ts';

type SumsValue = (sums: SlidingSums, measure: Measure) => number | undefined;

const SUMS_VALUES: Readonly<Partial<Record<Aggregate, SumsValue>>> = {
  mean: computeMean,
  min: ({ min }) => min,
  max: ({ max }) => max,
  last: ({ last }) => last,
  count: getCount,
  rate: (sums, { windowMs }) => (getCount(sums) * MINUTE_MS) / windowMs,
  error_ratio: ({ errorCount, count }) => computePercent(errorCount, count),
};

type ToLimits = (cells: CellLimits, measure: Measure) => readonly [number, number];

const EXTREMES: ToLimits = ({ min, max }) => [min, max];
/** Limits of the values in `SUMS_VALUES`. */
const VALUE_LIMITS: Readonly<Partial<Record<Aggregate, ToLimits>>> = {
  mean: EXTREMES,
  min: EXTREMES,
  max: EXTREMES,
  error_ratio: ({ errorShare }) => [0, 100 * errorShare],
  count: ({ count }) => [0, count],
  rate: ({ count }, { windowMs }) => [0, (count * MINUTE_MS) / windowMs],
};

const MEAN_COLUMNS = ['total', 'value_total', 'minimum', 'maximum'] as const;
/** The sums that an aggregate needs. */
const COLUMNS: Readonly<Partial<Record<Aggregate, readonly SumColumn[]>>> = {
  mean: MEAN_COLUMNS,
  min: ['minimum'],
  max: ['maximum'],
  last: ['last'],
  error_ratio: ['errors'],
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
  const { aggregate, windowMs } = measure;
  const compute = SUMS_VALUES[aggregate];
  if (compute) {
    const toLimits = VALUE_LIMITS[aggregate];
    const store = stores.getSums(toCellQuery(measure), COLUMNS[aggregate] ?? [], windowMs);
    return createSumsSource(store, windowMs, {
      compute: (sums) => compute(sums, measure),
      toLimits: toLimits && ((cells) => toLimits(cells, measure)),
      computeBounds: aggregate === 'mean' ? (sums) => computeMeanBounds(sums, measure) : undefined,
    });
  }
  if (aggregate === 'spike') return createSpikeSource(measure, stores, queryUsualMeans);
  const isDistribution =
    QUANTILES[aggregate] !== undefined || aggregate === 'slow_share' || aggregate === 'apdex';
  return isDistribution ? createPercentileSource(measure, stores) : undefined;
}

function toCellQuery({ type, filter, groupBy }: Measure): CellQuery {
  return { kind: 'sums', type, filter, groupBy };
}

function createSpikeSource(
  measure: Measure,
  stores: CellStores,
  queryUsualMeans: QueryUsualMeans,
): ReplaySource {
  const { windowMs } = measure;
  const baselineMs = measure.baselineMs ?? windowMs;
  const store = stores.getSums(toCellQuery(measure), MEAN_COLUMNS, windowMs, baselineMs);
  const windows = new GroupWindows(store, ({ series }) => ({
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

function createPercentileSource(measure: Measure, stores: CellStores): ReplaySource {
  const { windowMs, aggregate, slowerThanMs = 0, type = 'CUSTOM' } = measure;
  const query = toCellQuery(measure);
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

  const store = stores.getSums(query, ['minimum', 'maximum'], windowMs);
  const histograms = stores.getBuckets({ ...query, type }, windowMs);
  return createDistributionSource(store, histograms, windowMs, computeValue);
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
