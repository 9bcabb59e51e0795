import { expect, it } from 'vitest';
import type { ObjectiveRow } from '../../../../../src/core/schema/tables/objectives-table.ts';
import type { Objective } from '../../../../../src/server/alerts/objectives/objective.ts';
import type { ObjectiveMonitor } from '../../../../../src/server/alerts/objectives/objective-monitor.ts';
import { ObjectiveRecorder } from '../../../../../src/server/alerts/objectives/objective-recorder.ts';
import {
  LOADING_REASON,
  type ObjectiveStatus,
} from '../../../../../src/server/alerts/objectives/objective-status.ts';
import { loadTestRules, T0 } from '../../../../support/alert-rule-fixtures.ts';

const MINUTE = 60_000;
const OBJECTIVES: readonly Objective[] = loadTestRules('').objectives.slice(0, 1);

function createStatus(remainingPercent: number, more: Partial<ObjectiveStatus> = {}) {
  return {
    labels: { service: 'booking', organization: 'anna' },
    status: 'ok',
    reason: undefined,
    target: 99,
    thresholdMs: 500,
    counts: { good: 999, total: 1000 },
    budget: { achieved: 99.9, allowedEvents: 10, remainingEvents: 9, remainingPercent },
    burnRates: { fast: 1, medium: undefined, slow: undefined },
    exhaustedAtMs: undefined,
    ...more,
  } satisfies ObjectiveStatus;
}

/** Records statuses at each minute. Returns the rows, with the minute. */
function record(steps: readonly (readonly [number, ...ObjectiveStatus[]])[]) {
  const rows: ObjectiveRow[] = [];
  const monitor = { refreshedMs: T0, groupCount: 0, listStatuses: () => [] as ObjectiveStatus[] };
  const recorder = new ObjectiveRecorder(monitor as unknown as ObjectiveMonitor, (_, added) => {
    rows.push(...(added as ObjectiveRow[]));
  });
  for (const [minute, ...statuses] of steps) {
    monitor.refreshedMs = T0 + minute * MINUTE;
    monitor.groupCount = statuses.length;
    monitor.listStatuses = () => statuses;
    recorder.record(OBJECTIVES);
  }
  return rows.map((row) => [(row.timestamp - T0) / MINUTE, row.budgetRemaining]);
}

it('writes a row after a change, at most every 5 minutes, and each hour', () => {
  const rows = record([
    [0, createStatus(90)],
    [1, createStatus(50)],
    [5, createStatus(50)],
    [10, createStatus(49.95)],
    [15, createStatus(49.9)],
    [74, createStatus(49.9)],
    [79, createStatus(49.9)],
  ]);
  expect(rows).toEqual([
    [0, 90],
    [5, 50],
    [15, 49.9],
    [79, 49.9],
  ]);
});

it('writes no row while stored measurements are being read', () => {
  const loading = createStatus(0, { status: 'waiting', reason: LOADING_REASON, budget: undefined });
  expect(
    record([
      [0, loading],
      [1, createStatus(90)],
      [2, loading],
    ]),
  ).toEqual([[1, 90]]);
});

it('writes a row when the status changes', () => {
  const waiting = createStatus(0, { status: 'waiting', reason: 'no data', budget: undefined });
  expect(
    record([
      [0, waiting],
      [5, waiting],
      [10, createStatus(90)],
    ]),
  ).toEqual([
    [0, undefined],
    [10, 90],
  ]);
});

it('writes the first row of a new group at once', () => {
  const added = createStatus(70, { labels: { service: 'billing' } });
  expect(
    record([
      [0, createStatus(90)],
      [1, createStatus(80), added],
      [2, createStatus(80), added],
      [5, createStatus(80), added],
    ]),
  ).toEqual([
    [0, 90],
    [1, 70],
    [5, 80],
  ]);
});
