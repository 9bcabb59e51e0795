import { computeBucketIndex, computeUpperBound } from '../../src/core/histogram/bucket-scale.ts';
import type { Comparison } from '../../src/core/statistics/compare-samples.ts';
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
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
/** Number of minutes before the deploy. */
const BEFORE = 60;
/** Upper bounds of the simulated buckets in ms: 0.5 ms to 100 s. */
const BOUNDS = Array.from({ length: 143 }, (_, i) =>
  computeUpperBound(computeBucketIndex(0.5) + i),
);
const LOG_BOUNDS = BOUNDS.map(Math.log);
const CENTERS = BOUNDS.map((bound) => bound * 2 ** (-1 / 16));

/** Random numbers of common distributions. */
function createSampler(seed: number) {
  const random = createRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const poisson = (mean: number) => {
    if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = random(); product > limit; product *= random()) count += 1;
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

const TABLE_STEP = 1 / 512;
const TABLE_START = LOG_BOUNDS[0]! - 3;
const TABLE_SIZE = Math.ceil((LOG_BOUNDS.at(-1)! + 3 - TABLE_START) / TABLE_STEP);

/** Returns the same function with a table, because it is called for each bucket of each minute. */
function tabulate(cdf: (x: number) => number): (x: number) => number {
  const table = Float64Array.from({ length: TABLE_SIZE }, (_, i) =>
    cdf(TABLE_START + i * TABLE_STEP),
  );
  return (x) => {
    const position = Math.max(0, Math.min(TABLE_SIZE - 2, (x - TABLE_START) / TABLE_STEP));
    const i = Math.floor(position);
    return table[i]! + (table[i + 1]! - table[i]!) * (position - i);
  };
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
 * Simulates the requests around a deploy at minute 0. The load changes slowly and affects durations. Each minute has a
 * further, autocorrelated factor. Durations have a daily pattern. New processes are slow for two minutes.
 */
export function simulateDeploy(deploy: SimulatedDeploy) {
  const sampler = createSampler(deploy.seed);
  const phase = 2 * Math.PI * sampler.random();
  const daily = (deploy.dailyChange ?? 0.15) * sampler.random();
  const periods = deploy.hasDayBefore ? [-DAY_MINUTES, 0] : [0];
  const endpoints = Array.from({ length: deploy.endpoints }, (_, i) => ({
    cdf: tabulate(createShape(deploy.shape ?? SHAPES[i % SHAPES.length]!, sampler)),
    minutes: new Map<number, IntervalHistogram>(),
    factor: createSeries(sampler, 0.6, 0.005 + 0.015 * sampler.random()),
    scale: i === 0 ? (deploy.factor ?? 1) : 1,
  }));
  const load = createSeries(sampler, 0.9, 0.2);
  const [errorsBefore, errorsAfter] = deploy.errorRates ?? [0.005, 0.005];
  for (const start of periods) {
    for (let minute = start - BEFORE; minute < start + 60; minute += 1) {
      const shared = load();
      const hour = daily * Math.sin(phase + (2 * Math.PI * minute) / DAY_MINUTES);
      const warmUp = minute === 0 ? 0.9 : minute === 1 ? 0.4 : 0;
      for (const { cdf, minutes, factor, scale } of endpoints) {
        const isAfter = minute >= 0;
        const shift =
          0.05 * shared + factor() + Math.log1p(hour) + warmUp + (isAfter ? Math.log(scale) : 0);
        const mean = 60 * deploy.rate * Math.exp(shared);
        minutes.set(
          minute,
          drawMinute(minute, sampler, mean, cdf, shift, isAfter ? errorsAfter : errorsBefore),
        );
      }
    }
  }
  const baselines = new Map<number, IntervalSample>();
  return {
    /** Returns the comparison of an endpoint with the data until `minutes` after the deploy. */
    compareAt(index: number, minutes: number): Comparison {
      const all = endpoints[index]!.minutes;
      const select = (from: number, to: number) =>
        new IntervalSample([...all].filter(([m]) => m >= from && m < to).map(([, h]) => h));
      const baseline = baselines.get(index) ?? select(-BEFORE, 0);
      baselines.set(index, baseline);
      return {
        baseline,
        candidate: select(2, minutes),
        dayBefore: deploy.hasDayBefore
          ? {
              baseline: select(-DAY_MINUTES - BEFORE, -DAY_MINUTES),
              candidate: select(-DAY_MINUTES, -DAY_MINUTES + 60),
            }
          : undefined,
      };
    },
  };
}

function drawMinute(
  minute: number,
  { poisson }: Sampler,
  mean: number,
  cdf: (x: number) => number,
  shift: number,
  errorRate: number,
): IntervalHistogram {
  const buckets: [number, number][] = [];
  let [below, count, sum] = [0, 0, 0];
  for (const [i, bound] of BOUNDS.entries()) {
    const share = cdf(LOG_BOUNDS[i]! - shift);
    const expected = mean * (share - below);
    below = share;
    if (expected < 1e-5) continue;
    const n = poisson(expected);
    if (n === 0) continue;
    buckets.push([bound, n]);
    count += n;
    sum += n * CENTERS[i]!;
  }
  const errorCount = Math.min(count, poisson(count * errorRate));
  return { atMs: minute * MINUTE_MS, count, errorCount, abortedCount: 0, sum, buckets };
}
