import type { SignalPoint } from './read-signals.ts';

/** The point in time at which a series changed most. */
export interface Onset {
  readonly atMs: number;
  /** Weighted mean before the onset. */
  readonly before: number;
  /** Weighted mean since the onset. */
  readonly now: number;
  /** Weight before and since the onset. */
  readonly beforeWeight: number;
  readonly nowWeight: number;
  /** Sum since the onset. */
  readonly nowTotal: number;
}

/**
 * Finds the change point of a series. This is the split that explains most of the variance. After the split, the mean
 * must be higher, or lower.
 *
 * @param points sorted by time. Rates must contain their empty buckets.
 * @param direction whether a rise or a fall is a problem
 * @returns undefined if the series never moved in this direction, or has fewer than two measurements
 */
export function findOnset(
  points: readonly SignalPoint[],
  direction: 'up' | 'down' = 'up',
): Onset | undefined {
  const all = sum(points);
  let left = { total: 0, weight: 0 };
  let best: (Onset & { readonly score: number }) | undefined;
  for (const { fromMs, total, weight } of points) {
    const right = { total: all.total - left.total, weight: all.weight - left.weight };
    const before = toMean(left);
    const now = toMean(right);
    const hasMoved = direction === 'up' ? now > before : now < before;
    const score = ((left.weight * right.weight) / all.weight) * (now - before) ** 2;
    const isPossible = hasMoved && left.weight > 0 && right.weight > 0;
    if (isPossible && (best === undefined || score > best.score)) {
      best = {
        ...{ atMs: fromMs, before, now, score },
        beforeWeight: left.weight,
        nowWeight: right.weight,
        nowTotal: right.total,
      };
    }
    left = { total: left.total + total, weight: left.weight + weight };
  }
  if (best === undefined) return undefined;
  const { score: _, ...onset } = best;
  return onset;
}

/** Share of the buckets whose means are limited, so that single extreme values don't decide about the onset. */
const LIMITED_SHARE = 0.1;

/**
 * Finds the change points of a series. The first is the split that explains most of the variance. If the split differs
 * when extreme values are limited, it is the second.
 */
export function listOnsets(
  points: readonly SignalPoint[],
  direction: 'up' | 'down' = 'up',
): Onset[] {
  const first = findOnset(points, direction);
  if (first === undefined) return [];
  const means = points
    .filter(({ weight }) => weight > 0)
    .map(toMean)
    .sort((a, b) => a - b);
  const limit = means[Math.floor((1 - LIMITED_SHARE) * (means.length - 1))] ?? 0;
  const limited = points.map((point) => ({
    ...point,
    total: Math.min(point.total, limit * point.weight),
  }));
  const second = findOnset(limited, direction);
  if (second === undefined || second.atMs === first.atMs) return [first];
  return [first, splitAt(points, second.atMs)];
}

function splitAt(points: readonly SignalPoint[], atMs: number): Onset {
  const before = sum(points.filter(({ fromMs }) => fromMs < atMs));
  const now = sum(points.filter(({ fromMs }) => fromMs >= atMs));
  return {
    ...{ atMs, before: toMean(before), now: toMean(now), nowTotal: now.total },
    ...{ beforeWeight: before.weight, nowWeight: now.weight },
  };
}

/**
 * Returns an onset without the bucket in which the change began. This is the last bucket before the onset if it has
 * already moved, unless it is the only one. It would change the mean before the onset.
 */
export function omitPartialBucket(points: readonly SignalPoint[], onset: Onset): Onset {
  const { atMs, before, now } = onset;
  const earlier = points.filter(({ fromMs, weight }) => fromMs < atMs && weight > 0);
  const rest = sum(earlier.slice(0, -1));
  const last = earlier.at(-1);
  if (last === undefined || rest.weight === 0) return onset;
  const hasMoved = (toMean(last) - toMean(rest)) * (now - before) > 0;
  return hasMoved ? { ...onset, before: toMean(rest), beforeWeight: rest.weight } : onset;
}

/** Adds the empty buckets of a rate. */
export function fillBuckets(
  points: readonly SignalPoint[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  stepMs: number,
): SignalPoint[] {
  const known = new Map(points.map((point) => [point.fromMs, point]));
  const filled: SignalPoint[] = [];
  const weight = stepMs / 60_000;
  for (let ms = Math.ceil(fromMs / stepMs) * stepMs; ms < toMs; ms += stepMs)
    filled.push(known.get(ms) ?? { fromMs: ms, total: 0, weight });
  return filled;
}

export function sum(points: readonly SignalPoint[]): { total: number; weight: number } {
  return points.reduce(
    (all, { total, weight }) => ({ total: all.total + total, weight: all.weight + weight }),
    { total: 0, weight: 0 },
  );
}

export function toMean({ total, weight }: { total: number; weight: number }): number {
  return weight > 0 ? total / weight : 0;
}
