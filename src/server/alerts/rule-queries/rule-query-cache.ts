import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import type { Distribution } from '../../../core/histogram/percentiles.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { type JobTotals, queryJobTotals } from '../../../storage/queries/job-totals.ts';
import {
  type MetricSums,
  mergeMetricSums,
  queryMetricSums,
} from '../../../storage/queries/measurement-sums.ts';
import {
  queryDistributions,
  toMetricConditions,
} from '../../../storage/queries/operation-totals.ts';
import { type Crashes, queryCrashes } from '../../../storage/queries/process-crashes.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import { type Query, toGroupKey } from '../../../storage/queries/query-definition.ts';
import { queryQueueTotals } from '../../../storage/queries/queue-totals.ts';
import { getLastRange, type TimeRange } from '../../../storage/queries/time-range.ts';
import {
  findEndedServices,
  queryLastReports,
  queryUptime,
  type Uptime,
} from '../../../storage/queries/uptime.ts';
import { type QueryClient, withoutCache } from '../../../storage/questdb/query-client.ts';
import type { AnomalyBands } from '../../anomalies/anomaly-bands.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { Measure } from '../rules/alert-rule.ts';

/** Limit on groups per rule. A rule with more groups fails and isn't evaluated at all. */
export const MAX_GROUPS = 10_000;

/** Limit on rows of a query with steps. */
const MAX_STEPPED_ROWS = 100_000;

/** Queries over longer windows use the answer cache, because they mostly read hourly roll-ups. */
const MIN_CACHED_WINDOW_MS = 6 * HOUR_MS;

/** A process that missed more reports than this wasn't running anymore. */
const MAX_MISSED_REPORTS = 3;

/** The part of a measure that selects and groups rows. */
export type MeasureQuery = Pick<Measure, 'filter' | 'windowMs' | 'groupBy'> & {
  readonly type: Measure['type'];
};

/**
 * Caches the queries of one evaluation, for windows that end at `now`. Reads only rows in the
 * scope. By default, the scope is unrestricted. Rules with the same query share one result, and a
 * coarser grouping is computed from a finer grouping.
 */
export class RuleQueryCache {
  /** Returns the regressions of deploys. Undefined where rules about deploys aren't evaluated. */
  queryDeploys: ((metric: 'duration' | 'errors') => Promise<Observation[]>) | undefined;
  /** The normal values. Undefined where rules about anomalies aren't evaluated. */
  bands: AnomalyBands | undefined;
  readonly now: number;
  readonly queryClient: QueryClient;
  readonly #healthIntervalMs: number;
  readonly #scope: TenantScope;
  readonly #results = new Map<string, Promise<unknown>>();
  readonly #groupings = new Map<string, (readonly Dimension[])[]>();

  constructor(
    queryClient: QueryClient,
    now: number,
    healthIntervalMs: number,
    measures: readonly Measure[] = [],
    scope: TenantScope = UNRESTRICTED_SCOPE,
  ) {
    this.#scope = scope;
    this.queryClient = queryClient;
    this.now = now;
    this.#healthIntervalMs = healthIntervalMs;
    for (const measure of measures) {
      const key = toRowsKey(measure);
      const others = this.#groupings.get(key);
      if (others) others.push(measure.groupBy);
      else this.#groupings.set(key, [measure.groupBy]);
    }
  }

  /**
   * Returns the sums of each group.
   *
   * @throws PS_REQUEST_TOO_LARGE if there are too many groups
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   * @throws PS_QUERY_TOO_LONG if the query takes too long
   */
  async metricSums(query: MeasureQuery): Promise<MetricSums[]> {
    const finest = this.#findFinestGrouping(query);
    const sums = await this.#once(`sums ${toRowsKey(query)} ${finest.join()}`, () =>
      queryMetricSums(
        this.#clientFor(query),
        this.#toQuery(query, finest),
        query.type ? toMetricConditions({ metricType: query.type }, query.filter) : [],
        MAX_GROUPS,
      ),
    );
    return finest === query.groupBy ? sums : mergeGroups(sums, query.groupBy);
  }

  /** Returns the sums of each group in each step of a range. `windowMs` of the query has no effect. */
  steppedSums(query: MeasureQuery, range: TimeRange, stepMs: number): Promise<MetricSums[]> {
    const { filter, groupBy, type } = query;
    const key = `steps ${toRowsKey(query)} ${groupBy.join()} ${range.fromMs} ${range.toMs} ${stepMs}`;
    return this.#once(key, () =>
      queryMetricSums(
        this.queryClient,
        { scope: this.#scope, range, filter, groupBy, step: { ms: stepMs, zone: 'utc' } },
        type ? toMetricConditions({ metricType: type }, filter) : [],
        MAX_STEPPED_ROWS,
      ),
    );
  }

  /** Returns the distribution of each group, keyed by `toGroupKey`. */
  distributions(query: MeasureQuery & { type: string }): Promise<Map<string, Distribution>> {
    return this.#once(`buckets ${toRowsKey(query)} ${query.groupBy.join()}`, () =>
      queryDistributions(
        this.#clientFor(query),
        this.#toQuery(query, query.groupBy),
        toMetricConditions({ metricType: query.type }, query.filter),
      ),
    );
  }

  jobTotals(query: MeasureQuery): Promise<JobTotals[]> {
    return this.#once(`jobs ${toRowsKey(query)} ${query.groupBy.join()}`, () =>
      queryJobTotals(this.#clientFor(query), this.#toQuery(query, query.groupBy)),
    );
  }

  /** Returns the totals of jobs and of messages that are known only from histograms. */
  queueTotals(query: MeasureQuery): Promise<JobTotals[]> {
    return this.#once(`queues ${toRowsKey(query)} ${query.groupBy.join()}`, () =>
      queryQueueTotals(this.#clientFor(query), this.#toQuery(query, query.groupBy)),
    );
  }

  uptime(query: MeasureQuery): Promise<Uptime[]> {
    return this.#once(`uptime ${toRowsKey(query)} ${query.groupBy.join()}`, () =>
      queryUptime(
        this.#clientFor(query),
        this.#toQuery(query, query.groupBy),
        this.#healthIntervalMs,
      ),
    );
  }

  /** Returns the number of processes of each group that started and crashed within the window. */
  crashes(query: MeasureQuery): Promise<Crashes[]> {
    return this.#once(`crashes ${toRowsKey(query)} ${query.groupBy.join()}`, () =>
      queryCrashes(
        this.#clientFor(query),
        this.#toQuery(query, query.groupBy),
        MAX_MISSED_REPORTS * this.#healthIntervalMs,
      ),
    );
  }

  /** Returns the services that ended normally within the last day and haven't started again. */
  endedServices(): Promise<readonly string[]> {
    return this.#once('ended services', async () => {
      const query = { scope: this.#scope, range: getLastRange(DAY_MS, this.now) };
      const reports = await queryLastReports(this.queryClient, query);
      return findEndedServices(reports, MAX_MISSED_REPORTS * this.#healthIntervalMs);
    });
  }

  /**
   * For short windows, returns a client without the answer cache, because their answers become
   * outdated immediately.
   */
  #clientFor({ windowMs }: MeasureQuery): QueryClient {
    const { queryClient } = this;
    return windowMs >= MIN_CACHED_WINDOW_MS ? queryClient : withoutCache(queryClient);
  }

  #toQuery({ filter, windowMs }: MeasureQuery, groupBy: readonly Dimension[]): Query {
    return { scope: this.#scope, range: getLastRange(windowMs, this.now), filter, groupBy };
  }

  /** Returns the finest known grouping that has all dimensions of the query. */
  #findFinestGrouping(query: MeasureQuery): readonly Dimension[] {
    const known = this.#groupings.get(toRowsKey(query)) ?? [];
    return known.reduce<readonly Dimension[]>(
      (best, other) =>
        other.length > best.length && best.every((name) => other.includes(name)) ? other : best,
      query.groupBy,
    );
  }

  #once<T>(key: string, run: () => Promise<T>): Promise<T> {
    const known = this.#results.get(key) as Promise<T> | undefined;
    if (known) return known;
    const result = run();
    this.#results.set(key, result);
    return result;
  }
}

/** Returns a key of the rows that a measure reads. Rules with the same key share a batch. */
export function toRowsKey({ type, filter, windowMs }: Omit<MeasureQuery, 'groupBy'>): string {
  const sorted = Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([type, windowMs, sorted]);
}

function mergeGroups(sums: readonly MetricSums[], groupBy: readonly Dimension[]): MetricSums[] {
  const groups = new Map<string, MetricSums>();
  for (const each of sums) {
    const group = Object.fromEntries(groupBy.map((name) => [name, each.group[name]]));
    const key = toGroupKey(group);
    const known = groups.get(key);
    groups.set(key, known ? mergeMetricSums(known, each) : { ...each, group });
  }
  return [...groups.values()];
}
