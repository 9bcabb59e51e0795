/**
 * Divides a budget. Users below an equal share keep their usage. The others share the rest equally, so a user with runaway
 * growth takes nothing from the others.
 *
 * @param usages what each user takes now
 * @returns what each user can keep, in the same order
 */
export function shareFairly(usages: readonly number[], budget: number): number[] {
  const shares = usages.map(() => 0);
  const ascending = usages.map((_, i) => i).sort((a, b) => usages[a]! - usages[b]!);
  let rest = budget;
  let users = usages.length;
  for (const i of ascending) {
    const share = Math.min(usages[i]!, Math.floor(rest / users));
    shares[i] = share;
    rest -= share;
    users--;
  }
  return shares;
}

/** Something that belongs to a service of an organization. */
export interface Owned {
  readonly organization: string;
  readonly service: string;
}

/** What was forgotten since the last report, for the owner that lost the most. */
export interface DropReport {
  /** Empty if there is none. Undefined for all organizations that are counted together. */
  readonly organization: string | undefined;
  /** Undefined for all services that are counted together. */
  readonly service: string | undefined;
  /** Number of forgotten items of the owner. */
  readonly dropped: number;
  /** Number of items that the owner has now. */
  readonly kept: number;
  /** The metric that most of the new series have. Undefined if there is none. */
  readonly metric?: string | undefined;
}

/** Same as {@link shareFairly}, first between organizations, and then between the services of each one. */
export function shareByOwner<T extends Owned>(
  items: readonly T[],
  getUsage: (item: T) => number,
  budget: number,
): Map<T, number> {
  const shares = new Map<T, number>();
  const organizations = [...Map.groupBy(items, ({ organization }) => organization).values()];
  const sums = organizations.map((each) => each.reduce((sum, item) => sum + getUsage(item), 0));
  const budgets = shareFairly(sums, budget);
  for (const [i, services] of organizations.entries()) {
    const serviceShares = shareFairly(services.map(getUsage), budgets[i]!);
    for (const [k, service] of services.entries()) shares.set(service, serviceShares[k]!);
  }
  return shares;
}

/** Returns the number that remains if a limit is exceeded. A margin of 1 % makes it rare. */
export function toTarget(limit: number): number {
  return limit - Math.floor(limit / 100);
}
