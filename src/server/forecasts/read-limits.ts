import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/duration.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import {
  COUNT,
  createSum,
  HOSTS_TABLE,
  METRICS_TABLE,
} from '../../storage/queries/aggregation-tables.ts';
import { queryGauges } from '../../storage/queries/gauge-values.ts';
import { toHostAggregations } from '../../storage/queries/host-health.ts';
import { toMetricConditions } from '../../storage/queries/operation-totals.ts';
import { scanCells } from '../../storage/queries/scan-cells.ts';
import { floorTo } from '../../storage/queries/time-range.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import { sql } from '../../storage/sql/sql-builder.ts';
import type { ForecastKind, ForecastSubject } from './forecast-subject.ts';
import {
  type Capacity,
  computePeakFactor,
  estimateCapacity,
  type LoadMinute,
} from './observed-capacity.ts';

/** The value at which a subject is exhausted. */
interface SubjectLimit {
  readonly limit: number | undefined;
  /** How the limit was found, or why it is unknown. */
  readonly reason?: string | undefined;
}

/** Limits of queues, from the alert rules. */
export interface QueueLimits {
  readonly depth: number | undefined;
  readonly oldestAgeMs: number | undefined;
}

/** Returns the limit of a subject. */
export type GetLimit = (subject: ForecastSubject) => SubjectLimit;

const PERCENT_LIMIT: SubjectLimit = { limit: 100 };
/** Limits are read from the newest values of this length. */
const RECENT_MS = 3 * HOUR_MS;
/** The capacity is estimated from the minutes of this length. */
const CAPACITY_RANGE_MS = 7 * DAY_MS;

/**
 * Reads the limits of all subjects of a kind.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function readLimits(
  client: ScanClient,
  kind: ForecastKind,
  now: number,
  queueLimits: QueueLimits,
): Promise<GetLimit> {
  switch (kind) {
    case 'disk':
    case 'errorBudget':
      return () => PERCENT_LIMIT;
    case 'memory': {
      const heaps = await readHighestGauges(client, now, {
        metricType: 'HEAP_USAGE',
        names: ['v8js.memory.heap.limit'],
      });
      return ({ unit, labels }) =>
        unit === '%'
          ? PERCENT_LIMIT
          : toLimit(heaps.get(toKey(labels.service)), 'the service reports no heap limit');
    }
    case 'pool': {
      const pools = await readHighestGauges(
        client,
        now,
        { metricType: 'CUSTOM', names: ['db.client.connection.max'] },
        true,
      );
      return ({ labels }) =>
        toLimit(
          pools.get(toKey(labels.service, labels.pool)),
          'the maximum number of connections of the pool is unknown',
        );
    }
    case 'queue':
      return ({ unit }) =>
        toLimit(
          unit === 'ms' ? queueLimits.oldestAgeMs : queueLimits.depth,
          'no alert rule has a threshold for the queue',
        );
    case 'requestRate': {
      const capacities = await readCapacities(client, now);
      return ({ labels }) =>
        capacities.get(labels.service ?? '') ?? {
          limit: undefined,
          reason:
            "capacity can't be observed yet: the service handled no requests in the last week",
        };
    }
  }
}

function toLimit(limit: number | undefined, reason: string): SubjectLimit {
  return limit !== undefined && limit > 0 ? { limit } : { limit: undefined, reason };
}

function toKey(service: string | undefined, pool?: string): string {
  return JSON.stringify([service, pool]);
}

async function readHighestGauges(
  client: ScanClient,
  now: number,
  selector: { readonly metricType: string; readonly names: readonly string[] },
  byPool = false,
): Promise<Map<string, number>> {
  const query = {
    scope: UNRESTRICTED_SCOPE,
    range: { fromMs: now - RECENT_MS, toMs: now },
    groupBy: byPool ? (['service', 'endpoint'] as const) : (['service'] as const),
  };
  const gauges = await queryGauges(client, query, selector);
  return new Map(
    gauges.flatMap(({ group, max }) =>
      max === undefined ? [] : [[toKey(group.service, byPool ? group.endpoint : undefined), max]],
    ),
  );
}

/** Returns the limit of the mean rate of an hour, by service. */
async function readCapacities(client: ScanClient, now: number): Promise<Map<string, SubjectLimit>> {
  const toMs = floorTo(now, MINUTE_MS);
  const query = {
    scope: UNRESTRICTED_SCOPE,
    groupBy: ['service'] as const,
    step: { ms: MINUTE_MS, zone: 'utc' },
  };
  const services = new Map<string, Map<number, { count: number; total: number; busy?: number }>>();
  const find = (service: string, atMs: number) => {
    const minutes = services.get(service) ?? new Map<number, { count: number; total: number }>();
    services.set(service, minutes);
    const minute = minutes.get(atMs) ?? { count: 0, total: 0 };
    minutes.set(atMs, minute);
    return minute as { count: number; total: number; busy?: number };
  };
  const { total, samples } = toHostAggregations('eventLoopUtilization');
  // One day at a time, so that the result of each query stays small.
  for (let fromMs = toMs - CAPACITY_RANGE_MS; fromMs < toMs; fromMs += DAY_MS) {
    const range = { fromMs, toMs: Math.min(toMs, fromMs + DAY_MS) };
    await scanCells(
      client,
      METRICS_TABLE,
      { ...query, range },
      {
        aggregations: { count: COUNT, total: createSum(sql`sum(sum)`) },
        conditions: toMetricConditions({ metricType: 'API_RESPONSE_TIME' }),
      },
      ({ texts: [service], atMs, values: [count, sum] }) => {
        if (typeof service !== 'string' || !(count! > 0)) return;
        const minute = find(service, atMs);
        minute.count += count!;
        minute.total += sum! || 0;
      },
    );
    await scanCells(
      client,
      HOSTS_TABLE,
      { ...query, range },
      { aggregations: { total, samples } },
      ({ texts: [service], atMs, values: [sum, count] }) => {
        const minute = typeof service === 'string' ? services.get(service)?.get(atMs) : undefined;
        if (minute && count! > 0) minute.busy = sum! / count!;
      },
    );
  }
  return new Map([...services].map(([service, minutes]) => [service, toCapacityLimit(minutes)]));
}

function toCapacityLimit(
  minutes: ReadonlyMap<number, { count: number; total: number; busy?: number }>,
): SubjectLimit {
  const loads = [...minutes.values()].map(
    ({ count, total, busy }): LoadMinute => ({
      rate: count,
      latencyMs: total / count,
      utilization: busy,
    }),
  );
  const capacity: Capacity = estimateCapacity(loads);
  if (capacity.rate === undefined) return { limit: undefined, reason: capacity.reason };
  const hours = Map.groupBy(minutes, ([atMs]) => floorTo(atMs, HOUR_MS));
  const factor = computePeakFactor(
    [...hours.values()].map((ofHour) => ofHour.map(([, { count }]) => count)),
  );
  return { limit: capacity.rate / factor, reason: capacity.reason };
}
