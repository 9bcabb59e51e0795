import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { ObjectiveRow } from '../../../core/schema/tables/objectives-table.ts';
import { toLabelsKey } from '../evaluation/observation.ts';
import type { Objective } from './objective.ts';
import type { ObjectiveMonitor } from './objective-monitor.ts';
import { LOADING_REASON, type ObjectiveStatus } from './objective-status.ts';

/** Rows are written at most this often, except for new groups. */
const RECORD_INTERVAL_MS = 5 * 60_000;
/** Smaller changes of the remaining budget, in percentage points, are recorded only once per hour. */
const MIN_CHANGE = 0.1;

interface RecordedStatus {
  readonly status: ObjectiveStatus['status'];
  readonly remaining: number | undefined;
  readonly recordedMs: number;
}

/** Writes the error budgets to the table `objectives`, so that SQL and charts show them. */
export class ObjectiveRecorder {
  readonly #monitor: ObjectiveMonitor;
  readonly #add: AddRows;
  readonly #recorded = new Map<string, RecordedStatus>();
  #lastMs = Number.NEGATIVE_INFINITY;
  #groupCount = 0;

  constructor(monitor: ObjectiveMonitor, add: AddRows) {
    this.#monitor = monitor;
    this.#add = add;
  }

  /** Adds a row for each group whose budget changed, or whose last row is an hour old. */
  record(objectives: readonly Objective[]): void {
    const { refreshedMs: now, groupCount } = this.#monitor;
    const isDue = now !== undefined && Math.abs(now - this.#lastMs) >= RECORD_INTERVAL_MS;
    if (now === undefined || (!isDue && groupCount <= this.#groupCount)) return;
    this.#groupCount = groupCount;
    const live = new Set<string>();
    let isLoaded = true;
    const rows = objectives.flatMap((objective) =>
      this.#monitor.listStatuses(objective).flatMap((status) => {
        const key = `${objective.name} ${toLabelsKey(status.labels)}`;
        live.add(key);
        // Otherwise, the history would have a gap after each restart.
        if (status.reason === LOADING_REASON) {
          isLoaded = false;
          return [];
        }
        const remaining = status.budget?.remainingPercent;
        const before = this.#recorded.get(key);
        if (before && (!isDue || !hasChanged(before, status, now))) return [];
        this.#recorded.set(key, { status: status.status, remaining, recordedMs: now });
        return [toObjectiveRow(objective, status, now)];
      }),
    );
    if (isLoaded && isDue) this.#lastMs = now;
    for (const key of this.#recorded.keys()) if (!live.has(key)) this.#recorded.delete(key);
    if (rows.length > 0) this.#add('objectives', rows);
  }
}

function hasChanged(
  before: RecordedStatus,
  { status, budget }: ObjectiveStatus,
  now: number,
): boolean {
  if (before.status !== status) return true;
  if (Math.abs(now - before.recordedMs) >= HOUR_MS) return true;
  const { remaining } = before;
  if (remaining === undefined || budget === undefined) return remaining !== budget;
  return Math.abs(budget.remainingPercent - remaining) >= MIN_CHANGE;
}

/** Converts a status to its row. */
function toObjectiveRow(
  { name, kind, periodMs }: Objective,
  status: ObjectiveStatus,
  now: number,
): ObjectiveRow {
  const { labels, budget, burnRates, counts } = status;
  return {
    timestamp: now,
    objective: name,
    kind,
    status: status.status,
    service: labels.service,
    endpoint: labels.endpoint,
    queueName: labels.queue,
    organizationId: labels.organization,
    propertyId: labels.property,
    labels: toLabelsKey(labels),
    target: status.target,
    threshold: status.thresholdMs,
    periodDays: periodMs / DAY_MS,
    good: counts.good,
    total: counts.total,
    achieved: budget?.achieved,
    budgetRemaining: budget?.remainingPercent,
    eventsRemaining: budget?.remainingEvents,
    burnRateFast: burnRates.fast,
    burnRateMedium: burnRates.medium,
    burnRateSlow: burnRates.slow,
    exhaustedAt: status.exhaustedAtMs,
  };
}
