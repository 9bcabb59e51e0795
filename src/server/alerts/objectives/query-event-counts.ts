import { BUCKET_RATIO } from '../../../core/histogram/bucket-scale.ts';
import { computeStoredBound } from '../../../core/histogram/histogram-buckets.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import {
  BUCKETS_TABLE,
  COUNT,
  createSum,
  METRICS_TABLE,
} from '../../../storage/queries/aggregation-tables.ts';
import { toMetricConditions } from '../../../storage/queries/operation-totals.ts';
import { type Group, toGroupKey } from '../../../storage/queries/query-definition.ts';
import { toNumber } from '../../../storage/queries/row-values.ts';
import { type Aggregation, runQuery } from '../../../storage/queries/run-query.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';
import { toLabels } from '../evaluation/observation.ts';
import type { EventCounts, TimedCounts } from './event-counts.ts';
import { getObjectiveLimits, type Objective } from './objective.ts';

/** Events of one group, in order of time. */
export interface GroupCounts {
  readonly group: Group;
  readonly counts: TimedCounts[];
}

/** Duration units per base unit of the stored buckets: ms per second. */
const UNITS_PER_BASE = 1000;
/** Stored bounds are rounded. */
const ROUNDING = 1 + 1e-9;

/**
 * Returns the longest good duration of a latency objective, in ms. This is the bound of a stored bucket that is
 * closest to `thresholdMs`, and differs from it by less than 4.5 %.
 */
export function getEffectiveThresholdMs(thresholdMs: number): number {
  const upper = computeStoredBound(thresholdMs, UNITS_PER_BASE);
  const lower = upper / BUCKET_RATIO;
  return thresholdMs / lower < upper / thresholdMs ? lower : upper;
}

const COUNT_AGGREGATIONS = {
  count: COUNT,
  errors: createSum(sql`sum(error_count)`),
  total: createSum(sql`sum(sum)`),
} as const satisfies Record<string, Aggregation>;

/**
 * Counts the events of an objective by group and step. Reads all tenants.
 *
 * @param range whole steps
 * @param stepMs length of a step in ms. For averages, each step is one event.
 * @throws PS_REQUEST_TOO_LARGE if there are too many groups and steps
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function queryEventCounts(
  queryClient: QueryClient,
  objective: Objective,
  range: TimeRange,
  stepMs: number,
): Promise<GroupCounts[]> {
  const { kind, filter, groupBy, thresholdMs = 0, type = 'API_RESPONSE_TIME' } = objective;
  const query = {
    scope: UNRESTRICTED_SCOPE,
    step: { ms: stepMs, zone: 'utc' },
    range,
    filter,
    groupBy,
  };
  const conditions = [...toMetricConditions({ metricType: type }, filter), sql`count > 0`];
  const isLatency = kind === 'latency';
  const limit = getEffectiveThresholdMs(thresholdMs) * ROUNDING;
  const aggregations = isLatency
    ? {
        count: COUNT,
        good: createSum(sql`sum(CASE WHEN bucket_upper <= ${limit} THEN count ELSE 0L END)`),
      }
    : COUNT_AGGREGATIONS;
  const table = isLatency ? BUCKETS_TABLE : METRICS_TABLE;
  const results = await runQuery(queryClient, table, query, { aggregations, conditions });
  const groups = new Map<string, GroupCounts>();
  for (const { group, bucket, row } of results) {
    const count = toNumber(row.count) ?? 0;
    if (count <= 0 || !bucket) continue;
    const key = toGroupKey(group);
    const known = groups.get(key) ?? { group, counts: [] };
    groups.set(key, known);
    const sums = {
      count,
      good: toNumber(row.good) ?? 0,
      errors: toNumber(row.errors) ?? 0,
      total: toNumber(row.total) ?? 0,
    };
    known.counts.push({ atMs: bucket.fromMs, ...toEvents(objective, group, sums) });
  }
  for (const { counts } of groups.values()) counts.sort((a, b) => a.atMs - b.atMs);
  return [...groups.values()];
}

interface StepSums {
  readonly count: number;
  readonly good: number;
  readonly errors: number;
  /** Sum of the durations. */
  readonly total: number;
}

function toEvents(objective: Objective, group: Group, sums: StepSums): EventCounts {
  const { count, good, errors, total } = sums;
  if (objective.kind === 'availability') return { good: Math.max(0, count - errors), total: count };
  if (objective.kind === 'latency') return { good: Math.min(good, count), total: count };
  const { thresholdMs = 0 } = getObjectiveLimits(objective, toLabels(group));
  return { good: total / count <= thresholdMs ? 1 : 0, total: 1 };
}
