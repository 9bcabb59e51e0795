import type { Labels } from '../../../core/alerts/alert.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { isVisibleInScope, type TenantScope } from '../../../core/tenant-scope.ts';
import { getObjectiveLimits, type Objective } from '../objectives/objective.ts';
import type { ObjectiveMonitor } from '../objectives/objective-monitor.ts';

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
