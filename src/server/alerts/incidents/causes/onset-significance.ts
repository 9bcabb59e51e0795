import { computeTTail } from '../../../../core/statistics/student-t.ts';
import type { Onset } from './find-onset.ts';
import type { SignalKind, SignalPoint } from './read-signals.ts';

/** Probability that a duration or a share of a series without a change counts as changed. */
const MAX_ERROR = 2e-5;
/** The same for samples of a host. Hosts report once a minute, so few samples must be enough. */
const MAX_SAMPLE_ERROR = 5e-3;
/** A single interval can have a high value by chance. */
const MIN_INTERVALS = 2;
/** The variance before the change is unknown with fewer intervals. */
const MIN_INTERVALS_BEFORE = 5;
/** Standard deviation of the logarithm of a value that is always the same, for example because it is rounded. */
const MIN_DEVIATION = 0.02;
/** Added to values, because zero has no logarithm. */
const OFFSET = 0.01;

const SHARES: ReadonlySet<SignalKind> = new Set(['errors', 'failed_calls', 'job_failures']);
const SAMPLES: ReadonlySet<SignalKind> = new Set(['cpu', 'memory', 'event_loop']);
const DURATIONS: ReadonlySet<SignalKind> = new Set([
  'call_time',
  'statement_time',
  'connection_wait',
  'job_time',
  'endpoint_time',
]);

/**
 * Returns whether a rise is larger than the noise of a series. The durations of a few requests vary a lot, and every series
 * has a highest value. Rates have their own test, and the states of circuit breakers have no noise.
 */
export function isBeyondNoise(
  kind: SignalKind,
  points: readonly SignalPoint[],
  onset: Onset,
): boolean {
  if (SHARES.has(kind)) return computeShareError(points, onset) <= MAX_ERROR;
  if (SAMPLES.has(kind)) return isHigher(points, onset, MAX_SAMPLE_ERROR);
  if (DURATIONS.has(kind)) return isHigher(points, onset, MAX_ERROR);
  return true;
}

/**
 * Tests the logarithms of the means of the intervals with a t test. Logarithms of durations are almost normally
 * distributed, so a few extreme durations don't look like a change.
 */
function isHigher(points: readonly SignalPoint[], { atMs }: Onset, maxError: number): boolean {
  const measured = points.filter(({ weight }) => weight > 0);
  const toLogs = (selected: readonly SignalPoint[]) =>
    selected.map(({ total, weight }) => Math.log(Math.max(0, total / weight) + OFFSET));
  const before = toLogs(measured.filter(({ fromMs }) => fromMs < atMs));
  const after = toLogs(measured.filter(({ fromMs }) => fromMs >= atMs));
  if (after.length < MIN_INTERVALS || before.length === 0) return false;
  if (before.length < MIN_INTERVALS_BEFORE) return Math.min(...after) > Math.max(...before);
  const [meanBefore, meanAfter] = [computeMean(before), computeMean(after)];
  const squares = before.reduce((sum, value) => sum + (value - meanBefore) ** 2, 0);
  const degrees = before.length - 1;
  const deviation = Math.max(MIN_DEVIATION, Math.sqrt(squares / degrees));
  const error = deviation * Math.sqrt(1 / before.length + 1 / after.length);
  return computeTTail((meanAfter - meanBefore) / error, degrees) <= maxError;
}

function computeMean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Returns the probability of at least this many failures since the onset, if all failures were distributed evenly: the
 * tail of a binomial distribution.
 */
function computeShareError(points: readonly SignalPoint[], { atMs }: Onset): number {
  let [failures, failuresAfter, count, countAfter] = [0, 0, 0, 0];
  for (const { fromMs, total, weight } of points) {
    failures += total;
    count += weight;
    if (fromMs < atMs) continue;
    failuresAfter += total;
    countAfter += weight;
  }
  if (count === 0 || failuresAfter === 0) return 1;
  return computeBinomialTail(Math.round(failures), countAfter / count, Math.round(failuresAfter));
}

/** Returns the probability of at least `k` successes in `n` trials. */
function computeBinomialTail(n: number, p: number, k: number): number {
  if (p >= 1) return 1;
  // The logarithm of each term, from the largest `k` down, so that large numbers don't overflow.
  let logTerm = n * Math.log(p);
  let tail = 0;
  for (let i = n; i >= k; i -= 1) {
    tail += Math.exp(logTerm);
    logTerm += Math.log(i) - Math.log(n - i + 1) + Math.log1p(-p) - Math.log(p);
  }
  return Math.min(1, tail);
}
