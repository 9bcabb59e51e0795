import type { Labels } from '../../../core/alerts/alert.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { isVisibleInScope, type TenantScope } from '../../../core/tenant-scope.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { getObjectiveLimits, type Objective } from '../objectives/objective.ts';
import type { ObjectiveMonitor } from '../objectives/objective-monitor.ts';
import type { ObjectiveStatus } from '../objectives/objective-status.ts';

/** The error budget of one group. */
export interface ObjectiveGroupView {
  readonly labels: Labels;
  readonly status: ObjectiveStatus['status'];
  readonly reason: string | undefined;
  readonly target: number;
  readonly threshold: number | undefined;
  readonly good: number;
  readonly total: number;
  readonly achieved: number | undefined;
  readonly budgetRemaining: number | undefined;
  readonly eventsRemaining: number | undefined;
  readonly burnRates: ObjectiveStatus['burnRates'];
  readonly exhaustedAt: Date | undefined;
  /** Number of firing alerts. */
  readonly alerts: number;
}

/** An objective in API responses. Durations are in ms. */
export interface ObjectiveView {
  readonly name: string;
  readonly kind: Objective['kind'];
  readonly description: string | undefined;
  readonly builtIn: boolean;
  readonly metricType: Objective['type'];
  readonly target: number;
  readonly threshold: number | undefined;
  /** The bound of the stored bucket that is closest to the threshold. Only for latency objectives. */
  readonly effectiveThreshold: number | undefined;
  readonly window: number;
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly groupBy: readonly string[];
  readonly alerts: Objective['alerts'];
  /** The smallest remaining budget first. */
  readonly groups: readonly ObjectiveGroupView[];
  /** Number of visible groups over the limit of 500, which have no error budget. Counts at most 10,000. */
  readonly omittedGroups: number;
}

/** Recorded budgets of one group, oldest first. */
export interface ObjectiveHistory {
  readonly labels: Labels;
  readonly points: readonly {
    readonly at: Date;
    readonly budgetRemaining: number | undefined;
    readonly burnRates: ObjectiveStatus['burnRates'];
  }[];
}

/** Filters objectives and their groups. Each key lists the values that match. */
export interface ObjectiveFilter {
  readonly name?: readonly string[] | undefined;
  readonly kind?: readonly string[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly status?: readonly string[] | undefined;
}

/** Objectives. Groups outside the caller's scope are treated as missing. */
export interface ObjectiveService {
  listObjectives(
    filter: ObjectiveFilter,
    scope: TenantScope,
  ): { readonly objectives: readonly ObjectiveView[]; readonly updatedAt: Date | undefined };
  /**
   * Returns an objective with its recorded budgets.
   *
   * @throws PS_NOT_FOUND if there is no such objective
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  getObjective(
    name: string,
    range: TimeRange,
    scope: TenantScope,
  ): Promise<{
    readonly objective: ObjectiveView;
    readonly history: readonly ObjectiveHistory[];
    /** Start of the history if older rows are omitted. A range that ends here returns the older rows. */
    readonly historyFrom: Date | undefined;
  }>;
}

/** Returns whether a group is visible. Groups without a tenant are visible only to administrators. */
export function isGroupVisible({ organization, property }: Labels, scope: TenantScope): boolean {
  return isVisibleInScope({ organizationId: organization, propertyId: property }, scope);
}

/**
 * Returns the percentage of the last day in which a target was met, in all visible groups. For averages and
 * uptime, this is the share of good time slices or minutes. For other kinds, it is the share of hours
 * with events in which the share of good events reached the target.
 *
 * @returns `undefined` without events
 */
export function computeTargetMet(
  monitor: ObjectiveMonitor,
  objective: Objective,
  scope: TenantScope,
): number | undefined {
  const { kind } = objective;
  let [met, total] = [0, 0];
  for (const { labels, hours } of monitor.listRecentHours(objective, DAY_MS)) {
    if (!isGroupVisible(labels, scope)) continue;
    const { target } = getObjectiveLimits(objective, labels);
    for (const hour of hours) {
      if (hour.total === 0) continue;
      const isTime = kind === 'average' || kind === 'uptime';
      met += isTime ? hour.good : 100 * hour.good >= target * hour.total ? 1 : 0;
      total += isTime ? hour.total : 1;
    }
  }
  return total === 0 ? undefined : (100 * met) / total;
}
