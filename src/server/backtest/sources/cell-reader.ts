import type { TenantScope } from '../../../core/tenant-scope.ts';
import {
  BUCKETS_TABLE,
  COUNT,
  createSum,
  HOSTS_TABLE,
  METRICS_TABLE,
  ROW_COUNT,
} from '../../../storage/queries/aggregation-tables.ts';
import { type JobTotals, queryJobTotals } from '../../../storage/queries/job-totals.ts';
import { SUM_AGGREGATIONS, toMetricSums } from '../../../storage/queries/measurement-sums.ts';
import { queryMessageTotals } from '../../../storage/queries/message-totals.ts';
import { toMetricConditions } from '../../../storage/queries/operation-totals.ts';
import type { Dimension, Group, Query } from '../../../storage/queries/query-definition.ts';
import { toNumber, toText } from '../../../storage/queries/row-values.ts';
import {
  type Aggregation,
  type QueryTable,
  runRowQuery,
  toGroupColumn,
} from '../../../storage/queries/run-query.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { Row } from '../../../storage/questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';
import { computeCellMs } from '../replay/replay-grid.ts';
import type { CellSums } from '../windows/cell-series.ts';
import type { SumStore } from './cell-stores.ts';
import { type BucketStore, type CellQuery, type CellStores, toCellRowsKey } from './cell-stores.ts';

export interface CellReaderOptions {
  readonly queryClient: QueryClient;
  readonly scope: TenantScope;
  readonly stores: CellStores;
  readonly stepMs: number;
  /** Interval at which services report their health, in whole minutes, in ms. */
  readonly healthIntervalMs: number;
}

/** One query for all stores with the same rows. Coarser groupings are computed from the finest. */
interface CellRead {
  readonly query: CellQuery;
  readonly stores: readonly (SumStore | BucketStore)[];
  readonly cellMs: number;
  /** The read starts this long before the first evaluation. */
  readonly windowMs: number;
}

/** Reads cells in time order and adds them to the stores. */
export class CellReader {
  readonly #options: CellReaderOptions;
  readonly #reads: readonly CellRead[];

  constructor(options: CellReaderOptions) {
    this.#options = options;
    this.#reads = planCellReads(options);
  }

  /** The longest time before the first evaluation that is read, in ms. */
  get warmupMs(): number {
    return Math.max(0, ...this.#reads.map(({ windowMs }) => windowMs));
  }

  /**
   * Reads the cells of a range, which must follow the range of the last call.
   *
   * @param firstMs time of the first evaluation
   * @returns the number of rows that were read
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
   */
  async read(range: TimeRange, firstMs: number): Promise<number> {
    let rowCount = 0;
    for (const read of this.#reads) {
      const fromMs = Math.max(range.fromMs, floorTo(firstMs - read.windowMs, read.cellMs));
      if (fromMs < range.toMs) rowCount += await this.#readCells(read, { ...range, fromMs });
    }
    return rowCount;
  }

  async #readCells(read: CellRead, range: TimeRange): Promise<number> {
    const { scope, queryClient } = this.#options;
    const { filter, groupBy } = read.query;
    const step = { ms: read.cellMs, zone: 'utc' };
    const query: Query = { scope, range, filter, groupBy, step };
    const stores = read.stores.filter(({ store }) => !store.isFull);
    if (stores.length === 0) return 0;
    switch (read.query.kind) {
      case 'sums':
        return this.#readSums(read, query, stores as readonly SumStore[]);
      case 'buckets':
        return this.#readBuckets(read, query, stores as readonly BucketStore[]);
      case 'jobs':
        return addJobs(
          await queryJobTotals(queryClient, query),
          groupBy,
          stores as readonly SumStore[],
        );
      case 'messages':
        return addJobs(
          await queryMessageTotals(queryClient, query),
          groupBy,
          stores as readonly SumStore[],
        );
      default:
        return this.#readReports(read, query, stores as readonly SumStore[]);
    }
  }

  async #readSums(
    { query: { type, filter, groupBy } }: CellRead,
    query: Query,
    stores: readonly SumStore[],
  ): Promise<number> {
    const conditions = type ? toMetricConditions({ metricType: type }, filter) : [];
    const rows = await runRowQuery(this.#options.queryClient, METRICS_TABLE, query, {
      aggregations: SUM_AGGREGATIONS,
      conditions,
    });
    const router = new GroupRouter(METRICS_TABLE, groupBy, stores);
    for (const row of sortByBucket(rows)) {
      const sums = toMetricSums(row);
      if (!sums) continue;
      const atMs = (row.bucket as Date).getTime();
      for (const group of router.route(row)) group.series.add(atMs, sums);
    }
    return rows.length;
  }

  async #readBuckets(
    { query: { type = 'CUSTOM', filter, groupBy } }: CellRead,
    query: Query,
    stores: readonly BucketStore[],
  ): Promise<number> {
    const rows = await runRowQuery(this.#options.queryClient, BUCKETS_TABLE, query, {
      aggregations: { count: COUNT, errors: createSum(sql`sum(error_count)`) },
      keys: ['bucket_upper'],
      conditions: toMetricConditions({ metricType: type }, filter),
    });
    const router = new GroupRouter(BUCKETS_TABLE, groupBy, stores);
    for (const row of sortByBucket(rows)) {
      const atMs = (row.bucket as Date).getTime();
      const bucket = {
        bound: toNumber(row.bucket_upper) ?? 0,
        count: toNumber(row.count) ?? 0,
        errorCount: toNumber(row.errors) ?? 0,
      };
      for (const group of router.route(row)) group.series.add(atMs, bucket);
    }
    return rows.length;
  }

  async #readReports(
    { query: { groupBy } }: CellRead,
    query: Query,
    stores: readonly SumStore[],
  ): Promise<number> {
    const rows = await runRowQuery(this.#options.queryClient, HOSTS_TABLE, query, {
      aggregations: { rows: ROW_COUNT, last: LAST_TIME },
    });
    const router = new GroupRouter(HOSTS_TABLE, groupBy, stores);
    for (const row of sortByBucket(rows)) {
      const atMs = (row.bucket as Date).getTime();
      const newestMs = row.last instanceof Date ? row.last.getTime() : atMs;
      for (const group of router.route(row)) group.series.add(atMs, { ...NO_SUMS, newestMs });
    }
    return rows.length;
  }
}

const LAST_TIME: Aggregation = {
  rows: sql`max(timestamp)`,
  rollup: sql`max(timestamp)`,
  mergeWith: 'max',
};

const NO_SUMS: CellSums = {
  count: 0,
  errorCount: 0,
  sum: 0,
  valueCount: 0,
  valueSum: 0,
  min: undefined,
  max: undefined,
  last: undefined,
  newestMs: 0,
  oldestMs: 0,
};

function planCellReads({ stores, stepMs, healthIntervalMs }: CellReaderOptions): CellRead[] {
  const all = [...stores.sums, ...stores.buckets];
  return [...Map.groupBy(all, toCellRowsKey).values()].flatMap((sameRows) => {
    const finest = sameRows.filter(
      (each) => !sameRows.some((other) => other !== each && isFiner(other.groupBy, each.groupBy)),
    );
    const byFinest = Map.groupBy(sameRows, (each) =>
      finest.find((other) => other === each || isFiner(other.groupBy, each.groupBy)),
    );
    return [...byFinest].map(([query, members]): CellRead => {
      const windowsMs = members.flatMap(({ store }) => store.windowsMs);
      const isReport = sameRows[0]!.kind === 'reports';
      const cellMs = isReport ? healthIntervalMs : computeCellMs(stepMs, windowsMs);
      return { query: query!, stores: members, cellMs, windowMs: Math.max(...windowsMs) };
    });
  });
}

function isFiner(a: readonly Dimension[], b: readonly Dimension[]): boolean {
  return a.length > b.length && b.every((name) => a.includes(name));
}

/** Sorts rows by time. QuestDB returns groups in any order. */
function sortByBucket(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => (a.bucket as Date).getTime() - (b.bucket as Date).getTime());
}

type AnyStore = SumStore | BucketStore;
type GroupOf<S extends AnyStore> = NonNullable<ReturnType<S['store']['getOrAdd']>>;

/** Finds the groups of each row in all stores. The rows of a group look it up only once. */
class GroupRouter<S extends AnyStore> {
  readonly #columns: readonly (readonly [Dimension, string])[];
  readonly #stores: readonly S[];
  readonly #routes = new Map<string, readonly GroupOf<S>[]>();

  constructor(table: QueryTable, groupBy: readonly Dimension[], stores: readonly S[]) {
    this.#columns = groupBy.map((name) => [name, toGroupColumn(table, name)]);
    this.#stores = stores;
  }

  route(row: Row): readonly GroupOf<S>[] {
    let key = '';
    for (const [, column] of this.#columns) key += `${(row[column] as string | null) ?? ''}\n`;
    const known = this.#routes.get(key);
    if (known) return known;
    const group = Object.fromEntries(
      this.#columns.map(([name, column]) => [name, toText(row[column])]),
    );
    const found = findGroups(this.#stores, group);
    this.#routes.set(key, found);
    return found;
  }
}

/** Returns the group in each store. A store with too many groups is skipped, and its rules fail. */
function findGroups<S extends AnyStore>(stores: readonly S[], group: Group): GroupOf<S>[] {
  return stores.flatMap(({ store, groupBy }) => {
    const key = JSON.stringify(groupBy.map((name) => group[name] ?? null));
    const create = () => Object.fromEntries(groupBy.map((name) => [name, group[name]]));
    const found = store.getOrAdd(key, create);
    return found ? [found as GroupOf<S>] : [];
  });
}

function addJobs(
  totals: readonly JobTotals[],
  groupBy: readonly Dimension[],
  stores: readonly SumStore[],
): number {
  const sorted = totals.toSorted((a, b) => (a.bucket?.fromMs ?? 0) - (b.bucket?.fromMs ?? 0));
  for (const { group, bucket, arrived, completed, failed, newestMs } of sorted) {
    const sums = {
      ...NO_SUMS,
      count: completed + failed,
      errorCount: failed,
      valueSum: arrived,
      newestMs,
      oldestMs: newestMs,
    };
    const named = Object.fromEntries(groupBy.map((name) => [name, group[name]]));
    for (const { series } of findGroups(stores, named)) series.add(bucket?.fromMs ?? 0, sums);
  }
  return totals.length;
}
