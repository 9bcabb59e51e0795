import { type Labels, toReadableLabels } from '../../../core/alerts/alert.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { objectivesTable } from '../../../core/schema/tables/objectives-table.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import { toPreferredName } from '../../../core/vocabulary.ts';
import { toTableRow } from '../../../storage/queries/row-values.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromTable, sql } from '../../../storage/sql/sql-builder.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import { toLabelsKey } from '../evaluation/observation.ts';
import type { Objective } from '../objectives/objective.ts';
import type { ObjectiveStatus } from '../objectives/objective-status.ts';
import { getEffectiveThresholdMs } from '../objectives/query-event-counts.ts';
import type {
  ObjectiveFilter,
  ObjectiveGroupView,
  ObjectiveHistory,
  ObjectiveService,
  ObjectiveView,
} from './objective-views.ts';
import { isGroupVisible } from './objective-views.ts';

/** Creates the methods that list objectives with their error budgets. */
export function createObjectiveMethods(
  evaluator: AlertEvaluator,
  queryClient: QueryClient,
): ObjectiveService {
  const { objectives: monitor, rulesFile, alertStates } = evaluator;

  /** Returns the numbers of firing alerts by objective and group. */
  function countAlerts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { transition } of alertStates.listLive()) {
      const { objective, ...labels } = JSON.parse(transition.labels) as Labels;
      if (objective === undefined || transition.state === 'pending') continue;
      const key = `${objective} ${toLabelsKey(labels)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  function toView(
    objective: Objective,
    scope: TenantScope,
    filter: ObjectiveFilter,
  ): ObjectiveView {
    const alerts = countAlerts();
    const groups = monitor
      .listStatuses(objective)
      .filter(({ labels }) => isGroupVisible(labels, scope))
      .filter((status) => matchesGroup(status, filter))
      .sort(compareByBudget)
      .map((status) => {
        const key = `${objective.name} ${toLabelsKey(status.labels)}`;
        return toGroupView(status, alerts.get(key) ?? 0, scope);
      });
    const omitted = monitor
      .listOmittedGroups(objective)
      .filter(
        (labels) => isGroupVisible(labels, scope) && includes(filter.service, labels.service),
      );
    return { ...toObjectiveFields(objective, scope), groups, omittedGroups: omitted.length };
  }

  function listVisible(scope: TenantScope): Objective[] {
    return rulesFile.ruleSet.objectives.filter((objective) => isVisible(objective, scope));
  }

  return {
    listObjectives(filter, scope) {
      const { refreshedMs } = monitor;
      const objectives = listVisible(scope)
        .filter(({ name, kind }) => includes(filter.name, name) && includes(filter.kind, kind))
        .map((objective) => toView(objective, scope, filter));
      const isFiltered = (filter.service ?? filter.status) !== undefined;
      return {
        updatedAt: refreshedMs === undefined ? undefined : new Date(refreshedMs),
        objectives: isFiltered ? objectives.filter(({ groups }) => groups.length > 0) : objectives,
      };
    },

    async getObjective(name, range, scope) {
      const objective = listVisible(scope).find((each) => each.name === name);
      if (!objective) throw createError('PS_NOT_FOUND', { item: 'objective', id: name });
      return {
        objective: toView(objective, scope, {}),
        ...(await loadObjectiveHistory(queryClient, objective, range, scope)),
      };
    },
  };
}

/** Callers limited to tenants see only objectives that have groups of tenants, as with rules. */
function isVisible({ groupBy, filter }: Objective, { organizations }: TenantScope): boolean {
  if (organizations === 'all') return true;
  const isMeasured = filter.organization?.some((name) => organizations.includes(name)) ?? true;
  return groupBy.includes('organization') && isMeasured;
}

function includes(names: readonly string[] | undefined, name: string | undefined): boolean {
  return names === undefined || (name !== undefined && names.includes(name));
}

function matchesGroup({ labels, status }: ObjectiveStatus, filter: ObjectiveFilter): boolean {
  return includes(filter.service, labels.service) && includes(filter.status, status);
}

/** Sorts the group with the smallest remaining budget first, and groups without a budget last. */
function compareByBudget(a: ObjectiveStatus, b: ObjectiveStatus): number {
  const [first, second] = [a, b].map(
    ({ budget }) => budget?.remainingPercent ?? Number.MAX_SAFE_INTEGER,
  );
  return first! - second! || (toLabelsKey(a.labels) < toLabelsKey(b.labels) ? -1 : 1);
}

function toObjectiveFields(
  objective: Objective,
  { organizations }: TenantScope,
): Omit<ObjectiveView, 'groups' | 'omittedGroups'> {
  const { kind, thresholdMs, filter } = objective;
  // Other tenants can be named in the filter.
  const filters = Object.entries(filter).flatMap(([name, values = []]) => {
    const visible =
      organizations === 'all' || name !== 'organization'
        ? values
        : values.filter((value) => organizations.includes(value));
    return [[toPreferredName(name), visible] as const];
  });
  return {
    name: objective.name,
    kind,
    description: objective.description,
    builtIn: objective.isTarget,
    metricType: objective.type,
    target: objective.target,
    threshold: thresholdMs,
    effectiveThreshold:
      kind === 'latency' && thresholdMs !== undefined
        ? getEffectiveThresholdMs(thresholdMs)
        : undefined,
    window: objective.periodMs,
    filters: Object.fromEntries(filters),
    groupBy: objective.groupBy.map(toPreferredName),
    alerts: objective.alerts,
  };
}

function toGroupView(
  status: ObjectiveStatus,
  alerts: number,
  { hosts }: TenantScope,
): ObjectiveGroupView {
  const { labels, budget, burnRates, counts, exhaustedAtMs } = status;
  return {
    labels: hosts ? labels : toReadableLabels(labels),
    status: status.status,
    reason: status.reason,
    target: status.target,
    threshold: status.thresholdMs,
    good: counts.good,
    total: counts.total,
    achieved: budget?.achieved,
    budgetRemaining: budget?.remainingPercent,
    eventsRemaining: budget?.remainingEvents,
    burnRates,
    exhaustedAt: exhaustedAtMs === undefined ? undefined : new Date(exhaustedAtMs),
    alerts,
  };
}

/** Limit on rows of a history. */
const MAX_HISTORY_ROWS = 20_000;

/**
 * Loads the recorded budgets of all visible groups, oldest first. If there are too many rows, loads the newest
 * rows, and returns the time from which they are complete.
 */
async function loadObjectiveHistory(
  queryClient: QueryClient,
  { name }: Objective,
  { fromMs, toMs }: TimeRange,
  scope: TenantScope,
): Promise<{ history: ObjectiveHistory[]; historyFrom: Date | undefined }> {
  const stored = await queryClient.read(
    scope,
    sql`SELECT * ${fromTable('objectives')} AND objective = ${name}
      AND timestamp >= ${new Date(fromMs)} AND timestamp < ${new Date(toMs)}
      ORDER BY timestamp DESC LIMIT ${MAX_HISTORY_ROWS + 1}`,
  );
  const { rows, fromMs: historyFromMs } = keepNewestRows(
    stored.map((row) => toTableRow(objectivesTable, row)),
    MAX_HISTORY_ROWS,
  );
  const history = [...Map.groupBy(rows, ({ labels = '{}' }) => labels)].map(([key, ofGroup]) => {
    const labels = JSON.parse(key) as Labels;
    return {
      labels: scope.hosts ? labels : toReadableLabels(labels),
      points: ofGroup.map((row) => ({
        at: new Date(row.timestamp),
        budgetRemaining: row.budgetRemaining,
        burnRates: {
          fast: row.burnRateFast,
          medium: row.burnRateMedium,
          slow: row.burnRateSlow,
        },
      })),
    };
  });
  return {
    history,
    historyFrom: historyFromMs === undefined ? undefined : new Date(historyFromMs),
  };
}

/**
 * Limits rows to the newest rows. A time is kept only with all of its rows.
 *
 * @param newestFirst rows in descending order of their time
 * @param limit at least the number of rows with the same time
 * @returns the kept rows, oldest first, and their start if rows were omitted, in ms since the epoch
 */
export function keepNewestRows<T extends { readonly timestamp: number }>(
  newestFirst: readonly T[],
  limit: number,
): { readonly rows: readonly T[]; readonly fromMs: number | undefined } {
  const omitted = newestFirst[limit];
  if (!omitted) return { rows: newestFirst.toReversed(), fromMs: undefined };
  const rows = newestFirst.filter(({ timestamp }) => timestamp > omitted.timestamp).reverse();
  return { rows, fromMs: rows[0]?.timestamp };
}
