import type { Dimension, Filter } from '../../../storage/queries/query-definition.ts';
import { CellSeries } from '../windows/cell-series.ts';
import { BucketSeries } from '../windows/sliding-buckets.ts';
import { GroupStore } from './group-store.ts';

/** What the cells of a store contain. `jobs` and `messages` have the counts of jobs, `reports` and `processes` the times of health rows. */
type CellKind = 'sums' | 'buckets' | 'jobs' | 'messages' | 'reports' | 'processes';

/** Selects and groups the rows of a store. */
export interface CellQuery {
  readonly kind: CellKind;
  /** Undefined for all types, and for kinds other than `sums` and `buckets`. */
  readonly type: string | undefined;
  readonly filter: Filter;
  readonly groupBy: readonly Dimension[];
}

/** A sum that only some rules need. Counts and times are always read. */
export type SumColumn = 'errors' | 'total' | 'value_total' | 'minimum' | 'maximum' | 'last';

export interface SumStore extends CellQuery {
  readonly store: GroupStore<CellSeries>;
  /** The sums that the rules need. All others are 0 or unknown in the store. */
  readonly columns: Set<SumColumn>;
}

export interface BucketStore extends CellQuery {
  readonly store: GroupStore<BucketSeries>;
}

/** The stores that the rules of a backtest read. Rules with the same rows share a store. */
export class CellStores {
  readonly #sums = new Map<string, SumStore>();
  readonly #buckets = new Map<string, BucketStore>();

  get sums(): readonly SumStore[] {
    return [...this.#sums.values()];
  }

  get buckets(): readonly BucketStore[] {
    return [...this.#buckets.values()];
  }

  /**
   * Returns the store of a query.
   *
   * @param columns sums that are read from it
   * @param windowsMs windows, in ms, that are read from it
   */
  getSums(
    query: CellQuery,
    columns: readonly SumColumn[],
    ...windowsMs: readonly number[]
  ): GroupStore<CellSeries> {
    const key = toQueryKey(query);
    const known = this.#sums.get(key) ?? {
      ...query,
      groupBy: [...query.groupBy].sort(),
      store: new GroupStore(() => new CellSeries()),
      columns: new Set(),
    };
    this.#sums.set(key, known);
    for (const column of columns) known.columns.add(column);
    for (const windowMs of windowsMs) known.store.addWindow(windowMs);
    return known.store;
  }

  /** Returns the store of the histograms of a query. */
  getBuckets(query: Omit<CellQuery, 'kind'>, windowMs: number): GroupStore<BucketSeries> {
    const bucketQuery = { ...query, kind: 'buckets' } as const;
    const key = toQueryKey(bucketQuery);
    const known = this.#buckets.get(key) ?? {
      ...bucketQuery,
      groupBy: [...query.groupBy].sort(),
      store: new GroupStore(() => new BucketSeries()),
    };
    this.#buckets.set(key, known);
    known.store.addWindow(windowMs);
    return known.store;
  }

  /** The longest window of all stores, in ms. */
  get windowMs(): number {
    return Math.max(0, ...[...this.sums, ...this.buckets].map(({ store }) => store.maxWindowMs));
  }

  /** Removes what no window reads after `now`. */
  compact(now: number): void {
    for (const { store } of [...this.sums, ...this.buckets]) store.compact(now);
  }
}

function toQueryKey({ kind, type, filter, groupBy }: CellQuery): string {
  const sorted = Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([kind, type ?? null, sorted, [...groupBy].sort()]);
}
