/** What came and waits in a time. Rates per second, times in ms. */
export interface Load {
  readonly arrivalRate: number;
  /** Mean time that one piece of work takes; undefined where none has ended. */
  readonly processingTime: number | undefined;
  /** What waits. */
  readonly backlog: number;
}

export interface ScalingTarget {
  /** How long work should wait at most, in ms. */
  readonly waitMs: number;
  /** Pieces of work that one worker or replica does at once. */
  readonly concurrency: number;
  readonly min: number;
  readonly max: number;
}

export interface Recommendation {
  readonly desired: number;
  /** In words and figures. */
  readonly reason: string;
}

/** Of the capacity, what is planned to be busy: without reserve a queue never shrinks. */
const BUSY = 0.8;
/** As Kubernetes' autoscaler: smaller differences are none. */
const TOLERANCE = 0.1;

/**
 * Workers that do what comes (Little's law) and what waits within the target time.
 *
 * @returns undefined where it is not known how long work takes
 */
export function needed(load: Load, target: ScalingTarget): number | undefined {
  const { arrivalRate, processingTime, backlog } = load;
  if (arrivalRate === 0 && backlog === 0) return target.min;
  if (processingTime === undefined) return undefined;
  const steady = (arrivalRate * processingTime) / 1000 / BUSY;
  const clearing = (backlog * processingTime) / target.waitMs;
  const exact = (steady + clearing) / target.concurrency;
  // What is only a rounding error above a whole number needs no worker more.
  return clamp(Math.ceil(exact - 1e-9), target);
}

/**
 * What is recommended now: up at once, down only to the greatest need of the time that `history` covers
 * (Kubernetes' stabilization window), and not at all for a difference within the tolerance.
 *
 * @param history loads of equal parts of the stabilization window, the newest last
 * @param current how many there are, where that is known
 */
export function recommend(
  history: readonly Load[],
  target: ScalingTarget,
  current: number | undefined,
): Recommendation {
  const now = history.at(-1) ?? { arrivalRate: 0, processingTime: undefined, backlog: 0 };
  const known = lastProcessingTime(history);
  const needs = history.map((load) =>
    needed({ ...load, processingTime: load.processingTime ?? known }, target),
  );
  const present = needs.at(-1);
  if (present === undefined) {
    const desired = clamp(Math.max(current ?? 0, now.backlog > 0 ? 1 : 0), target);
    const reason = `${shown(now)}, and it is not known how long work takes`;
    return { desired, reason: `${reason}: ${desired} until something ends` };
  }
  const greatest = Math.max(...needs.filter((need) => need !== undefined));
  const words = explained(now, known, target);
  const isNear = current !== undefined && Math.abs(greatest - current) <= TOLERANCE * current;
  if (isNear && greatest < current && clamp(current, target) === current) {
    return { desired: current, reason: `${words}: ${greatest}, near enough to ${current}` };
  }
  const held = greatest > present ? `, held at ${greatest} by the minutes before` : '';
  return { desired: greatest, reason: `${words}: ${present}${held}` };
}

/** The newest that is known. */
export function lastProcessingTime(history: readonly Load[]): number | undefined {
  return history.findLast((load) => load.processingTime !== undefined)?.processingTime;
}

function clamp(count: number, { min, max }: ScalingTarget): number {
  return Math.min(max, Math.max(min, count));
}

function explained(load: Load, processingTime: number | undefined, target: ScalingTarget): string {
  const each = processingTime === undefined ? '' : `, each takes ${figure(processingTime)} ms`;
  const wait = load.backlog > 0 ? `, to be cleared within ${figure(target.waitMs / 1000)} s` : '';
  const atOnce = target.concurrency === 1 ? '' : `, ${target.concurrency} at once`;
  return `${shown(load)}${wait}${each}${atOnce}`;
}

function shown({ arrivalRate, backlog }: Load): string {
  return `${figure(arrivalRate)} come a second, ${figure(backlog)} wait`;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
