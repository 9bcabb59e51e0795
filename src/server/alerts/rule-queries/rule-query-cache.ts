import type { Distribution } from '../../../core/histogram/percentiles.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { queryUptime, type Uptime } from '../../../storage/queries/host-health.ts';
import { type JobTotals, queryJobTotals } from '../../../storage/queries/job-totals.ts';
import {
  type MetricSums,
  mergeMetricSums,
  queryMetricSums,
} from '../../../storage/queries/metric-sums.ts';
import { queryDistributions, toMetricConditions } from '../../../storage/queries/metric-totals.ts';
import type { Dimension } from '../../../storage/queries/query.ts';
import { type Query, toGroupKey } from '../../../storage/queries/query.ts';
import { getLastRange, HOUR_MS } from '../../../storage/queries/query-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Measure } from '../rules/alert-rule.ts';

/** Groups of one rule at most: with more, who wrote the rule is told, and no part of it is judged. */
const MAX_GROUPS = 10_000;

/** Of longer windows most is in roll-ups by the hour, which stay as they are for as long. */
const MIN_CACHED_WINDOW_MS = 6 * HOUR_MS;

/** What a measure asks of the rows, but for how it groups them. */
export type MeasureQuery = Pick<Measure, 'filter' | 'windowMs' | 'groupBy'> & {
  readonly type: Measure['type'];
};

/**
 * The questions of some rules about the windows that end at `now`. The same question of several
 * rules is asked once, and one that groups more coarsely is answered from the finer one.
 */
export class RuleQueryCache {
  readonly now: number;
  readonly queryClient: QueryClient;
  readonly #healthIntervalMs: number;
  readonly #results = new Map<string, Promise<unknown>>();
  readonly #groupings = new Map<string, (readonly Dimension[])[]>();

  constructor(
    store: QueryClient,
    now: number,
    healthIntervalMs: number,
    measures: readonly Measure[] = [],
  ) {
    this.queryClient = store;
    this.now = now;
    this.#healthIntervalMs = healthIntervalMs;
    for (const measure of measures) {
      const key = toRowsKey(measure);
      const others = this.#groupings.get(key);
      if (others) others.push(measure.groupBy);
      else this.#groupings.set(key, [measure.groupBy]);
    }
  }

  /** @throws PS_REQUEST_TOO_LARGE for too many groups, PS_UNAVAILABLE, PS_QUERY_TOO_LONG */
  async metricSums(asked: MeasureQuery): Promise<MetricSums[]> {
    const finest = this.#findFinestGrouping(asked);
    const found = await this.#once(`figures ${toRowsKey(asked)} ${finest.join()}`, () =>
      queryMetricSums(
        this.#clientFor(asked),
        this.#toQuery(asked, finest),
        asked.type ? toMetricConditions({ metricType: asked.type }) : [],
        MAX_GROUPS,
      ),
    );
    return finest === asked.groupBy ? found : mergeGroups(found, asked.groupBy);
  }

  /** By `keyOf` of the group. */
  distributions(asked: MeasureQuery & { type: string }): Promise<Map<string, Distribution>> {
    return this.#once(`buckets ${toRowsKey(asked)} ${asked.groupBy.join()}`, () =>
      queryDistributions(
        this.#clientFor(asked),
        this.#toQuery(asked, asked.groupBy),
        toMetricConditions({ metricType: asked.type }),
      ),
    );
  }

  jobTotals(asked: MeasureQuery): Promise<JobTotals[]> {
    return this.#once(`jobs ${toRowsKey(asked)} ${asked.groupBy.join()}`, () =>
      queryJobTotals(this.#clientFor(asked), this.#toQuery(asked, asked.groupBy)),
    );
  }

  uptime(asked: MeasureQuery): Promise<Uptime[]> {
    return this.#once(`uptime ${toRowsKey(asked)} ${asked.groupBy.join()}`, () =>
      queryUptime(
        this.#clientFor(asked),
        this.#toQuery(asked, asked.groupBy),
        this.#healthIntervalMs,
      ),
    );
  }

  /** A short window has moved on when it is asked about again: its answer is not worth keeping. */
  #clientFor({ windowMs }: MeasureQuery): QueryClient {
    const { queryClient: store } = this;
    if (windowMs >= MIN_CACHED_WINDOW_MS) return store;
    const read: QueryClient['read'] = (scope, statement) => store.read(scope, statement);
    return { read, getCatalog: store.getCatalog };
  }

  #toQuery({ filter, windowMs }: MeasureQuery, groupBy: readonly Dimension[]): Query {
    return { scope: UNRESTRICTED_SCOPE, range: getLastRange(windowMs, this.now), filter, groupBy };
  }

  /** A grouping of the round that has all of the asked dimensions, the one with the most. */
  #findFinestGrouping(asked: MeasureQuery): readonly Dimension[] {
    const known = this.#groupings.get(toRowsKey(asked)) ?? [];
    return known.reduce<readonly Dimension[]>(
      (best, other) =>
        other.length > best.length && best.every((name) => other.includes(name)) ? other : best,
      asked.groupBy,
    );
  }

  #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#results.get(key) as Promise<T> | undefined;
    if (known) return known;
    const asked = ask();
    this.#results.set(key, asked);
    return asked;
  }
}

/** Which rows a measure looks at; rules with the same are evaluated in the same round. */
export function toRowsKey({ type, filter, windowMs }: Omit<MeasureQuery, 'groupBy'>): string {
  const sorted = Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([type, windowMs, sorted]);
}

function mergeGroups(found: readonly MetricSums[], groupBy: readonly Dimension[]): MetricSums[] {
  const groups = new Map<string, MetricSums>();
  for (const each of found) {
    const group = Object.fromEntries(groupBy.map((name) => [name, each.group[name]]));
    const key = toGroupKey(group);
    const known = groups.get(key);
    groups.set(key, known ? mergeMetricSums(known, each) : { ...each, group });
  }
  return [...groups.values()];
}
