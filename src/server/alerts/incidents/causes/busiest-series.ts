import { type MetricSelector, queryTotals } from '../../../../storage/queries/operation-totals.ts';
import type {
  Dimension,
  Filter,
  Group,
  Query,
} from '../../../../storage/queries/query-definition.ts';
import { BY_QUEUE, queryQueueTotals } from '../../../../storage/queries/queue-totals.ts';
import type { QueryClient } from '../../../../storage/questdb/query-client.ts';

/** Limit on series of each metric. The cost of an analysis is then the same for services of any size. */
export const MAX_BUSIEST_SERIES = 100;
/** Limit on additional series of each metric, with the most failures. */
const MAX_FAILING_SERIES = 50;

/** A series, its load, and its number of failures. */
export interface SeriesLoad {
  readonly group: Group;
  readonly load: number;
  readonly failures: number;
}

/**
 * Selects the busiest and the failing series of each metric in the time of an incident. The series are selected once,
 * so that all times contain the same series.
 */
export class BusiestSeries {
  readonly #queryClient: QueryClient;
  readonly #query: Query;
  readonly #filters = new Map<string, Promise<Filter>>();

  /** @param query the scope and the time of the incident */
  constructor(queryClient: QueryClient, query: Query) {
    this.#queryClient = queryClient;
    this.#query = query;
  }

  /**
   * Adds the busiest operations to a filter: the operations with the greatest sum of durations, or the tenants with the
   * most requests.
   *
   * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE
   */
  limitOperations(
    selector: MetricSelector,
    groupBy: readonly Dimension[],
    filter: Filter,
  ): Promise<Filter> {
    return this.#limit([selector, groupBy, filter], groupBy, filter, async () => {
      const query = { ...this.#query, filter, groupBy };
      const totals = await queryTotals(this.#queryClient, query, selector);
      const isByTenant = groupBy.includes('organization');
      return totals.map(({ group, count, average, errorCount }) => ({
        group,
        load: isByTenant ? count : count * average,
        failures: errorCount,
      }));
    });
  }

  /**
   * Adds the queues with the most jobs to a filter.
   *
   * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE
   */
  limitQueues(filter: Filter): Promise<Filter> {
    return this.#limit(['queues', filter], BY_QUEUE, filter, async () => {
      const query = { ...this.#query, filter, groupBy: [...BY_QUEUE] };
      const totals = await queryQueueTotals(this.#queryClient, query);
      return totals.map(({ group, arrived, completed, failed }) => ({
        ...{ group, failures: failed },
        load: arrived + completed + failed,
      }));
    });
  }

  #limit(
    key: unknown,
    groupBy: readonly Dimension[],
    filter: Filter,
    load: () => Promise<SeriesLoad[]>,
  ): Promise<Filter> {
    const name = JSON.stringify(key);
    const known =
      this.#filters.get(name) ??
      load().then((series) => ({ ...filter, ...selectBusiest(series, groupBy) }));
    this.#filters.set(name, known);
    return known;
  }
}

/**
 * Returns a filter for the busiest series, and the series with the most failures. The filter has the names of each
 * dimension, so it can match some other series with the same names.
 *
 * @returns an empty filter if no series has to be omitted
 */
export function selectBusiest(
  series: readonly SeriesLoad[],
  groupBy: readonly Dimension[],
): Filter {
  if (series.length <= MAX_BUSIEST_SERIES) return {};
  const selected = [
    ...series.toSorted((a, b) => b.load - a.load).slice(0, MAX_BUSIEST_SERIES),
    ...series
      .filter(({ failures }) => failures > 0)
      .sort((a, b) => b.failures - a.failures)
      .slice(0, MAX_FAILING_SERIES),
  ];
  return Object.fromEntries(
    groupBy.map((name) => [
      name,
      [...new Set(selected.map(({ group }) => group[name] ?? '(none)'))],
    ]),
  );
}
