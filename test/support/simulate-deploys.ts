import {
  BUCKET_RATIO,
  computeBucketIndex,
  computeUpperBound,
} from '../../src/core/histogram/bucket-scale.ts';
import type { Comparison } from '../../src/core/statistics/compare-samples.ts';
import { ControlSeries, type SeriesPeriods } from '../../src/core/statistics/control-series.ts';
import { findChanges, type SeriesChanges } from '../../src/core/statistics/find-changes.ts';
import {
  type IntervalHistogram,
  IntervalSample,
} from '../../src/core/statistics/interval-sample.ts';
import { createRandom } from './random.ts';

/** Shapes of the distributions of durations. Endpoint `i` has the shape `i % 3`. */
const SHAPES = ['log-normal', 'cache hits', 'heavy tail'] as const;
type Shape = (typeof SHAPES)[number];

export interface SimulatedDeploy {
  readonly seed: number;
  readonly endpoints: number;
  /** Requests per second of each endpoint. */
  readonly rate: number;
  /** Factor of the durations of endpoint 0 after the deploy. Default: 1. */
  readonly factor?: number;
  /** Shape of all endpoints. Default: all shapes. */
  readonly shape?: Shape;
  /** Share of failed requests, before and after the deploy. Default: 0.5 % and 0.5 %. */
  readonly errorRates?: readonly [number, number];
  /** Whether the rows of the previous day exist. Default: false. */
  readonly hasDayBefore?: boolean;
  /** Largest share by which durations change between night and day. Default: 15 %. */
  readonly dailyChange?: number;
  /** Standard deviation of an endpoint's own factor of each minute. Default: 0.5 % to 2 %. */
  readonly ownNoise?: number;
  /** Standard deviation of the factor of each minute that affects all endpoints. Default: 0. */
  readonly sharedNoise?: number;
  /** Whether `factor` applies to all endpoints. Default: false. */
  readonly isEverywhere?: boolean;
  /** Index of an endpoint to which `factor` doesn't apply. */
  readonly unchanged?: number;
  /** Number of minutes after the deploy. Default: 60. */
  readonly minutes?: number;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
/** Number of minutes before the deploy. */
const BEFORE = 60;
/** Upper bounds of the simulated buckets in ms: 0.5 ms to 100 s. */
const BOUNDS = Array.from({ length: 143 }, (_, i) =>
  computeUpperBound(computeBucketIndex(0.5) + i),
);
const LOG_START = Math.log(BOUNDS[0]!);
const CENTERS = BOUNDS.map((bound) => bound * 2 ** (-1 / 16));

/** Random numbers of common distributions. */
function createSampler(seed: number) {
  const random = createRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const poisson = (mean: number) => {
    if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    let product = random();
    // Most cells are empty, so this avoids most exponential functions.
    if (product < 1 - mean) return 0;
    const limit = Math.exp(-mean);
    let count = 0;
    for (; product > limit; product *= random()) count += 1;
    return count;
  };
  return { random, normal, poisson };
}
type Sampler = ReturnType<typeof createSampler>;

/** Cumulative distribution function of the standard normal distribution (Abramowitz and Stegun 26.2.17). */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.231_641_9 * Math.abs(x));
  const poly =
    t *
    (0.319_381_53 +
      t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  const tail = (poly * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
  return x > 0 ? 1 - tail : tail;
}

/** Returns a function for the share of durations up to a value. Values are logarithms of ms. */
function createShape(shape: Shape, { random }: Sampler): (logMs: number) => number {
  const center = Math.log(10 * 10 ** (1.3 * random()));
  const part = (mean: number, sigma: number) => (x: number) => normalCdf((x - mean) / sigma);
  if (shape === 'log-normal') return part(center, 0.4 + 0.3 * random());
  if (shape === 'cache hits') {
    const hitShare = 0.6 + 0.25 * random();
    const [hit, miss] = [part(center - 2.5, 0.3), part(center, 0.4)];
    return (x) => hitShare * hit(x) + (1 - hitShare) * miss(x);
  }
  const body = part(center, 0.5);
  const pareto = (x: number) => (x < center ? 0 : 1 - Math.exp(-1.5 * (x - center)));
  return (x) => 0.9 * body(x) + 0.1 * pareto(x);
}

/** Cells of the table per bucket. */
const CELLS = 8;
const TABLE_STEP = Math.log(BUCKET_RATIO) / CELLS;
const MAX_SHIFT = 2;
const TABLE_START = LOG_START - MAX_SHIFT;
const TABLE_SIZE = CELLS * BOUNDS.length + Math.ceil((2 * MAX_SHIFT) / TABLE_STEP) + 2;

/** Returns a table of the function, because it is evaluated for each bucket of each minute. */
function tabulate(cdf: (x: number) => number): Float64Array {
  return Float64Array.from({ length: TABLE_SIZE }, (_, i) => cdf(TABLE_START + i * TABLE_STEP));
}

/** Returns an autoregressive series with the given standard deviation. */
function createSeries({ normal }: Sampler, phi: number, deviation: number): () => number {
  let value = deviation * normal();
  return () => {
    value = phi * value + Math.sqrt(1 - phi * phi) * deviation * normal();
    return value;
  };
}

/**
 * Simulates the requests around a deploy at minute 0. The load changes slowly and affects durations. Each minute has
 * further, autocorrelated factors. Durations have a daily pattern. New processes are slow for two minutes.
 */
export function simulateDeploy(deploy: SimulatedDeploy) {
  const sampler = createSampler(deploy.seed);
  const phase = 2 * Math.PI * sampler.random();
  const daily = (deploy.dailyChange ?? 0.15) * sampler.random();
  const periods = deploy.hasDayBefore ? [-DAY_MINUTES, 0] : [0];
  const endpoints = Array.from({ length: deploy.endpoints }, (_, i) => ({
    table: tabulate(createShape(deploy.shape ?? SHAPES[i % SHAPES.length]!, sampler)),
    minutes: [] as (IntervalHistogram & { readonly minute: number })[],
    factor: createSeries(sampler, 0.6, deploy.ownNoise ?? 0.005 + 0.015 * sampler.random()),
    sensitivity: 0.5 + sampler.random(),
    scale: i !== deploy.unchanged && (i === 0 || deploy.isEverywhere) ? (deploy.factor ?? 1) : 1,
  }));
  const load = createSeries(sampler, 0.9, 0.2);
  const shared = createSeries(sampler, 0.6, deploy.sharedNoise ?? 0);
  const [errorsBefore, errorsAfter] = deploy.errorRates ?? [0.005, 0.005];
  for (const start of periods) {
    for (let minute = start - BEFORE; minute < start + (deploy.minutes ?? 60); minute += 1) {
      const [requests, common] = [load(), shared()];
      const hour = daily * Math.sin(phase + (2 * Math.PI * minute) / DAY_MINUTES);
      const warmUp = minute === 0 ? 0.9 : minute === 1 ? 0.4 : 0;
      const mean = 60 * deploy.rate * Math.exp(requests);
      const isAfter = minute >= 0;
      for (const { table, minutes, factor, sensitivity, scale } of endpoints) {
        const noise = 0.05 * requests + factor() + sensitivity * common;
        const shift = noise + Math.log1p(hour) + warmUp + (isAfter ? Math.log(scale) : 0);
        const errorRate = isAfter ? errorsAfter : errorsBefore;
        const histogram = drawMinute(minute, sampler, mean, table, shift, errorRate);
        minutes.push({ ...histogram, minute });
      }
    }
  }
  const known = new Map<string, IntervalSample>();
  /** Returns the minutes of an endpoint. Samples before the deploy are the same for all looks. */
  const select = (index: number, from: number, to: number) => {
    const key = `${index} ${from} ${to}`;
    const sample =
      known.get(key) ??
      new IntervalSample(
        endpoints[index]!.minutes.filter(({ minute }) => minute >= from && minute < to),
      );
    known.set(key, sample);
    return sample;
  };
  /** Returns the comparison of an endpoint with the data until `minutes` after the deploy. */
  const compareAt = (index: number, minutes: number): Comparison => ({
    baseline: select(index, -BEFORE, 0),
    candidate: select(index, 2, minutes),
    dayBefore: deploy.hasDayBefore
      ? {
          baseline: select(index, -DAY_MINUTES - BEFORE, -DAY_MINUTES),
          candidate: select(index, -DAY_MINUTES, -DAY_MINUTES + 60),
        }
      : undefined,
  });
  return {
    /** Returns the changes of all endpoints with the data until `minutes` after the deploy. */
    findChangesAt(minutes: number, alpha: number): SeriesChanges<number>[] {
      const comparisons = endpoints.map((_, series) => ({
        series,
        comparison: compareAt(series, minutes),
      }));
      const createSeries = (getPeriods: (comparison: Comparison) => SeriesPeriods | undefined) =>
        new ControlSeries(
          comparisons.flatMap(({ series, comparison }) => {
            const periods = getPeriods(comparison);
            return periods ? [{ name: String(series), periods }] : [];
          }),
        );
      const controls = {
        series: createSeries((comparison) => comparison),
        dayBefore: createSeries(({ dayBefore }) => dayBefore),
      };
      return findChanges(
        comparisons.map((item) => ({
          ...item,
          controls: { ...controls, name: String(item.series) },
        })),
        alpha,
      );
    },
  };
}

function drawMinute(
  minute: number,
  { poisson }: Sampler,
  mean: number,
  table: Float64Array,
  shift: number,
  errorRate: number,
): IntervalHistogram {
  const buckets: number[] = [];
  const position = (LOG_START - shift - TABLE_START) / TABLE_STEP;
  const start = Math.max(0, Math.min(TABLE_SIZE - CELLS * BOUNDS.length, Math.floor(position)));
  const part = position - start;
  let [below, count, sum] = [0, 0, 0];
  for (let i = 0; i < BOUNDS.length; i += 1) {
    const cell = start + CELLS * i;
    const share = table[cell]! * (1 - part) + table[cell + 1]! * part;
    const expected = mean * (share - below);
    below = share;
    if (expected < 1e-5) continue;
    const n = poisson(expected);
    if (n === 0) continue;
    buckets.push(BOUNDS[i]!, n);
    count += n;
    sum += n * CENTERS[i]!;
  }
  const errorCount = Math.min(count, poisson(count * errorRate));
  return { atMs: minute * MINUTE_MS, count, errorCount, abortedCount: 0, sum, buckets };
}
