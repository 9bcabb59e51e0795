/** The number of requests of one group. */
export interface RequestCounts {
  /** Requests per minute now. */
  readonly rate: number;
  /** Number of requests in each minute before the window, oldest first. */
  readonly minutes: readonly number[];
}

/** Whether requests of a group have increased suddenly. */
export interface Surge {
  /** The rate divided by the highest usual rate. 1 if there is nothing to compare. */
  readonly factor: number;
  /** The rate minus the highest usual rate, per minute. */
  readonly increase: number;
  /** Number of minutes before the surge with measurements, and how many are needed. */
  readonly minutes: number;
  readonly neededMinutes: number;
}

/** Number of minutes over which earlier rates are averaged. The window of the rule is as long. */
const SMOOTHED_MINUTES = 2;
/**
 * Earlier rates above this share of the current rate are part of the surge, or of a ramp. Therefore a surge isn't
 * compared with its own start, and a rate that rises slowly has a low factor.
 */
const SAME_LEVEL = 0.5;
/** With fewer requests per minute, each user makes a difference, so there is no usual rate. */
const MIN_USUAL_RATE = 10;
/** Other groups whose growth shows whether all requests increased. */
const MIN_PEERS = 2;
/** Minutes before the surge that are needed if there are enough other groups. */
const MIN_MINUTES_WITH_PEERS = 2;
/** Share of the baseline that is needed before the surge if there are too few other groups. */
const MIN_SHARE_ALONE = 0.5;

/**
 * Compares the current rate of each group with the highest rate before its surge started. The earlier rate is multiplied
 * by the median growth of the other groups since then. A day's ramp and a new installation affect most groups.
 *
 * @param groups counts of all groups of a service, for the same minutes
 * @returns the surges of the groups, in the same order
 */
export function computeSurges(groups: readonly RequestCounts[]): Surge[] {
  const growths = new GroupGrowths(groups);
  return groups.map((group) => computeSurge(group, growths));
}

function computeSurge(group: RequestCounts, growths: GroupGrowths): Surge {
  const { rate, minutes } = group;
  const first = minutes.findIndex((count) => count > 0);
  // The first minute is incomplete, because measurement started during it.
  const startIndex = first === -1 ? minutes.length : first + 1;
  let endIndex = minutes.length;
  while (endIndex > startIndex && smooth(minutes, endIndex - 1, startIndex) > SAME_LEVEL * rate)
    endIndex -= 1;
  // The averages before the first excluded one can contain the start of the surge.
  endIndex -= SMOOTHED_MINUTES;
  // If all earlier rates are on the same level, this level is usual.
  const lastIndex = endIndex > startIndex ? endIndex : minutes.length;
  const hasPeers = growths.hasPeers(group);
  let usual = 0;
  let knownMinutes = 0;
  for (let i = startIndex; i < lastIndex; i++) {
    const growth = hasPeers ? growths.findMedian(group, i) : 1;
    // The other groups had no requests either, for example while the service restarted.
    if (growth === undefined) continue;
    knownMinutes += 1;
    usual = Math.max(usual, smooth(minutes, i, startIndex) * growth);
  }
  return {
    factor: usual >= MIN_USUAL_RATE ? rate / usual : 1,
    increase: rate - usual,
    minutes: knownMinutes,
    neededMinutes: hasPeers ? MIN_MINUTES_WITH_PEERS : minutes.length * MIN_SHARE_ALONE,
  };
}

/** Returns the mean count of the minutes that end with minute `i`, without minutes before `startIndex`. */
function smooth(minutes: readonly number[], i: number, startIndex: number): number {
  const from = Math.max(startIndex, i - SMOOTHED_MINUTES + 1);
  let sum = 0;
  for (let k = from; k <= i; k++) sum += minutes[k] ?? 0;
  return sum / (i - from + 1);
}

/** The growth of all groups of a service. Sorted once for each minute, because there can be hundreds of groups. */
class GroupGrowths {
  readonly #groups: readonly RequestCounts[];
  readonly #activeCount: number;
  readonly #sorted = new Map<number, Float64Array>();

  constructor(groups: readonly RequestCounts[]) {
    this.#groups = groups;
    this.#activeCount = groups.filter(({ rate }) => rate > 0).length;
  }

  /** Returns whether enough other groups have requests. */
  hasPeers({ rate }: RequestCounts): boolean {
    return this.#activeCount - (rate > 0 ? 1 : 0) >= MIN_PEERS;
  }

  /**
   * Returns the median growth of the other groups since minute `i`, at least 1.
   *
   * @returns `undefined` if too few other groups had requests at that time
   */
  findMedian(group: RequestCounts, i: number): number | undefined {
    const sorted = this.#sort(i);
    const own = computeGrowth(group, i);
    const count = sorted.length - (own === undefined ? 0 : 1);
    if (count < MIN_PEERS) return undefined;
    // The upper median: with two other groups, the greater growth counts.
    const index = Math.floor(count / 2);
    const isBefore = own !== undefined && sorted.indexOf(own) <= index;
    return Math.max(1, sorted[isBefore ? index + 1 : index]!);
  }

  #sort(i: number): Float64Array {
    const known = this.#sorted.get(i);
    if (known) return known;
    const sorted = Float64Array.from(
      this.#groups.flatMap((group) => computeGrowth(group, i) ?? []),
    ).sort();
    this.#sorted.set(i, sorted);
    return sorted;
  }
}

/** Returns the growth since minute `i`, or `undefined` if there were too few requests at that time. */
function computeGrowth({ rate, minutes }: RequestCounts, i: number): number | undefined {
  const before = smooth(minutes, i, 0);
  return before >= MIN_USUAL_RATE ? rate / before : undefined;
}
