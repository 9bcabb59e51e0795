/** Requirements for a recommendation. */
export interface ScalingTarget {
  /** Maximum time that jobs should wait, in ms. */
  readonly waitMs: number;
  /** Number of jobs that one worker runs at the same time. */
  readonly concurrency: number;
  readonly min: number;
  readonly max: number;
}

export interface Recommendation {
  readonly desired: number;
  /** Explanation with the measured load. */
  readonly reason: string;
}

/** Planned share of busy capacity. Without spare capacity, a backlog never shrinks. */
export const TARGET_UTILIZATION = 0.8;
/** Smaller relative differences are ignored, as in the Kubernetes autoscaler. */
const TOLERANCE = 0.1;

/** Maximum part of a worker above a whole number that adds no worker. */
const MAX_IGNORED_SHARE = 0.05;
const MAX_IGNORED = 0.2;

interface CountOptions {
  /**
   * Number of workers or replicas needed in each equal part of the stabilization window, newest last;
   * undefined if unknown.
   */
  readonly needed: readonly (number | undefined)[];
  readonly target: ScalingTarget;
  /** Number of running workers or replicas, if known. */
  readonly current: number | undefined;
  /** Texts that describe the load, and how much is needed for it. */
  readonly load: string;
  readonly explanation: string;
  /** Minimum while the need is unknown. */
  readonly minimum: number;
  /** The value that must be known. */
  readonly unknown: string;
}

/**
 * Returns the current recommendation. Scales up immediately, but down only to the highest number
 * needed within the stabilization window, like Kubernetes. Ignores a decrease within the tolerance. Keeps
 * the current number if the need is unknown.
 */
export function recommendCount(options: CountOptions): Recommendation {
  const { needed, target, current, load, explanation, minimum, unknown } = options;
  const neededNow = needed.at(-1);
  if (neededNow === undefined) {
    const desired = clamp(Math.max(current ?? 0, minimum), target);
    return { desired, reason: `${load}: ${desired} until the ${unknown} is known` };
  }
  const highest = Math.max(...needed.filter((count) => count !== undefined));
  const isWithinTolerance =
    current !== undefined && Math.abs(highest - current) <= TOLERANCE * current;
  if (isWithinTolerance && highest < current && clamp(current, target) === current) {
    const reason = `${explanation}: ${highest}, close enough to the current ${current}`;
    return { desired: current, reason };
  }
  const stabilization = highest > neededNow ? `, kept at ${highest} for recent load` : '';
  return { desired: highest, reason: `${explanation}: ${neededNow}${stabilization}` };
}

/**
 * Rounds a number of workers or replicas up, and limits it to the target's range. Ignores a small part
 * above a whole number, because measured rates and times vary by a few percent.
 */
export function toCount(exact: number, target: ScalingTarget): number {
  const ignored = Math.min(MAX_IGNORED_SHARE * exact, MAX_IGNORED);
  return clamp(Math.ceil(exact - ignored - 1e-9), target);
}

function clamp(count: number, { min, max }: ScalingTarget): number {
  return Math.min(max, Math.max(min, count));
}

export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
