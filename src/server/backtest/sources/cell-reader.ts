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
import { SUM_AGGREGATIONS } from '../../../storage/queries/measurement-sums.ts';
import { queryMessageTotals } from '../../../storage/queries/message-totals.ts';
import { toMetricConditions } from '../../../storage/queries/operation-totals.ts';
import type { Dimension, Group, Query } from '../../../storage/queries/query-definition.ts';
import { toText } from '../../../storage/queries/row-values.ts';
import {
  type Aggregation,
  type QueryTable,
  type Selection,
  scanQuery,
  toGroupColumn,
} from '../../../storage/queries/run-query.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import { ColumnBuffers } from '../../../storage/questdb/column-rows.ts';
import type { ScanClient } from '../../../storage/questdb/query-client.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';
import type { CellSums } from '../windows/cell-series.ts';
import { orderByCell, orderByKey } from './cell-rows.ts';
import type { BucketStore, CellQuery, CellStores, SumStore } from './cell-stores.ts';
import { type AnyStore, type CellRead, matchesFilter, planCellReads } from './plan-cell-reads.ts';

export interface CellReaderOptions {
  readonly client: ScanClient;
  readonly scope: TenantScope;
  readonly stores: CellStores;
  readonly stepMs: number;
  /** Interval at which services report their health, in whole minutes, in ms. */
  readonly healthIntervalMs: number;
}

/** The rows of a range, before they are added to the stores. */
export interface FetchedCells {
  /** Number of rows. */
  readonly rowCount: number;
  /** Adds the rows to the stores. Returns after each of some rows, so that other work can run. */
  add(): Generator<void>;
}

/** Rows that are added before other work can run. */
const ROWS_PER_TURN = 2000;

/** Reads cells in time order and adds them to the stores. */
export class CellReader {
  readonly #options: CellReaderOptions;
  readonly #reads: readonly CellRead[];
  readonly #buffers = new ColumnBuffers();

  constructor(options: CellReaderOptions) {
    this.#options = options;
    this.#reads = planCellReads(options.stores, options.stepMs, options.healthIntervalMs);
  }

  /** The longest time before the first evaluation that is read, in ms. */
  get warmupMs(): number {
    return Math.max(0, ...this.#reads.map(({ windowMs }) => windowMs));
  }

  /**
   * Reads the cells of a range.
   *
   * @param firstMs time of the first evaluation
   * @throws PS_REQUEST_TOO_LARGE if the range has too many rows for one read
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
   */
  async fetch(range: TimeRange, firstMs: number): Promise<FetchedCells> {
    const all: FetchedCells[] = [];
    for (const read of this.#reads) {
      const fromMs = Math.max(range.fromMs, floorTo(firstMs - read.windowMs, read.cellMs));
      if (fromMs >= range.toMs || read.stores.every(({ store }) => store.isFull)) continue;
      all.push(await this.#fetchCells(read, { ...range, fromMs }));
    }
    return {
      rowCount: all.reduce((sum, { rowCount }) => sum + rowCount, 0),
      *add() {
        for (const fetched of all) yield* fetched.add();
      },
    };
  }

  /**
   * Reads the cells of a range and adds them. The range must follow the range of the last call.
   *
   * @returns the number of rows that were read
   */
  async read(range: TimeRange, firstMs: number): Promise<number> {
    const fetched = await this.fetch(range, firstMs);
    for (const _turn of fetched.add());
    return fetched.rowCount;
  }

  async #fetchCells(read: CellRead, range: TimeRange): Promise<FetchedCells> {
    const { scope, client } = this.#options;
    const { kind, filter, groupBy } = read.query;
    const step = { ms: read.cellMs, zone: 'utc' };
    const query: Query = { scope, range, filter, groupBy, step };
    switch (kind) {
      case 'sums':
        return this.#fetchSums(read, query);
      case 'buckets':
        return this.#fetchBuckets(read, query);
      case 'jobs':
        return toFetchedJobs(await queryJobTotals(client, query), read);
      case 'messages':
        return toFetchedJobs(await queryMessageTotals(client, query), read);
      default:
        return this.#fetchReports(read, query);
    }
  }

  async #fetchSums(read: CellRead, query: Query): Promise<FetchedCells> {
    const { type, filter } = read.query;
    const { last_at, first_at, samples, count } = SUM_AGGREGATIONS;
    const needed = [...read.columns].map((name) => [name, SUM_AGGREGATIONS[name]] as const);
    const names = ['bucket', 'last_at', 'first_at', 'samples', 'count', ...read.columns];
    return this.#fetchRows<SumStore>(METRICS_TABLE, read, query, {
      selection: {
        aggregations: { last_at, first_at, samples, count, ...Object.fromEntries(needed) },
        conditions: type ? toMetricConditions({ metricType: type }, filter) : [],
      },
      timeColumn: 0,
      createAdd: (columns) => createSumsAdd((name) => columns[names.indexOf(name)]),
    });
  }

  async #fetchBuckets(read: CellRead, query: Query): Promise<FetchedCells> {
    const { type = 'CUSTOM', filter } = read.query;
    const bucket = { bound: 0, count: 0, errorCount: 0 };
    return this.#fetchRows<BucketStore>(BUCKETS_TABLE, read, query, {
      selection: {
        aggregations: { count: COUNT, errors: createSum(sql`sum(error_count)`) },
        keys: ['bucket_upper'],
        conditions: toMetricConditions({ metricType: type }, filter),
      },
      timeColumn: 1,
      createAdd:
        ([bounds, times, counts, errors]) =>
        (row, groups) => {
          bucket.bound = bounds![row]! || 0;
          bucket.count = counts![row]! || 0;
          bucket.errorCount = errors![row]! || 0;
          for (let i = 0; i < groups.length; i++) groups[i]!.series.add(times![row]!, bucket);
        },
    });
  }

  async #fetchReports(read: CellRead, query: Query): Promise<FetchedCells> {
    const sums = { ...NO_SUMS };
    return this.#fetchRows<SumStore>(HOSTS_TABLE, read, query, {
      selection: { aggregations: { rows: ROW_COUNT, last: LAST_TIME } },
      timeColumn: 0,
      createAdd:
        ([times, , last]) =>
        (row, groups) => {
          const atMs = times![row]!;
          sums.newestMs = last![row]! || atMs;
          for (let i = 0; i < groups.length; i++) groups[i]!.series.add(atMs, sums);
        },
    });
  }

  async #fetchRows<S extends AnyStore>(
    table: QueryTable,
    read: CellRead,
    query: Query,
    { selection, timeColumn, createAdd }: RowFormat<S>,
  ): Promise<FetchedCells> {
    const results = await scanQuery(this.#options.client, table, query, selection, this.#buffers);
    const ordered = orderByCell(results, timeColumn, read.cellMs);
    const { resultIndexes, rowIndexes } = ordered;
    return {
      rowCount: rowIndexes.length,
      *add() {
        const router = new GroupRouter<S>(table, read);
        const routes = results.map(({ keys }) => keys.map((texts) => router.route(texts)));
        const addRows = results.map(({ columns }) => createAdd(columns));
        const [only] = results;
        // Reading the rows of a group together is faster. Groups with rows of several keys need the order of times.
        const split = results.length === 1 ? splitRoutes(routes[0]!) : { own: [], shared: routes };
        let added = 0;
        if (only && results.length === 1) {
          const order = orderByKey(only, ordered);
          for (let from = 0; from < order.length; from += ROWS_PER_TURN) {
            const rows = order.subarray(from, from + ROWS_PER_TURN);
            addOwnRows(rows, only.keyIndexes, split.own, addRows[0]!);
            yield;
          }
        }
        const hasShared = split.shared.flat().some(({ length }) => length > 0);
        for (let i = 0; hasShared && i < rowIndexes.length; i++) {
          const result = resultIndexes[i]!;
          const row = rowIndexes[i]!;
          const groups = split.shared[result]![results[result]!.keyIndexes[row]!]!;
          if (groups.length > 0) addRows[result]!(row, groups);
          if (++added % ROWS_PER_TURN === 0) yield;
        }
        for (const result of results) result.release();
      },
    };
  }
}

/** Adds rows to the groups of their keys. A separate function, because a loop in a generator is slower. */
function addOwnRows<S extends AnyStore>(
  rows: Uint32Array,
  keyIndexes: Uint32Array,
  groupsByKey: readonly (readonly GroupOf<S>[])[],
  add: AddRow<S>,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const groups = groupsByKey[keyIndexes[row]!]!;
    if (groups.length > 0) add(row, groups);
  }
}

/** Splits the groups of each key into groups with rows of only this key, and groups with rows of several keys. */
function splitRoutes<G>(routes: readonly (readonly G[])[]) {
  const counts = new Map<G, number>();
  for (const group of routes.flat()) counts.set(group, (counts.get(group) ?? 0) + 1);
  return {
    own: routes.map((groups) => groups.filter((group) => counts.get(group) === 1)),
    shared: [routes.map((groups) => groups.filter((group) => counts.get(group) !== 1))],
  };
}

/** How to read the columns of a result. */
interface RowFormat<S extends AnyStore> {
  readonly selection: Selection;
  /** Column with the start of the cell. */
  readonly timeColumn: number;
  /** Returns a function that adds a row to groups. */
  readonly createAdd: (columns: readonly Float64Array[]) => AddRow<S>;
}

type AddRow<S extends AnyStore> = (row: number, groups: readonly GroupOf<S>[]) => void;

const LAST_TIME: Aggregation = {
  rows: sql`max(timestamp)`,
  rollup: sql`max(timestamp)`,
  mergeWith: 'max',
};

const NO_SUMS = {
  count: 0,
  errorCount: 0,
  sum: 0,
  valueCount: 0,
  valueSum: 0,
  min: Number.NaN,
  max: Number.NaN,
  last: Number.NaN,
  newestMs: 0,
  oldestMs: 0,
} satisfies CellSums;

/** Returns a function that adds the sums of a row. Columns that weren't read are undefined. */
function createSumsAdd(find: (name: string) => Float64Array | undefined): AddRow<SumStore> {
  const [times, newest, oldest] = [find('bucket')!, find('last_at')!, find('first_at')!];
  const [counts, samples] = [find('count')!, find('samples')!];
  const [errors, totals, valueTotals] = [find('errors'), find('total'), find('value_total')];
  const [minima, maxima, last] = [find('minimum'), find('maximum'), find('last')];
  // One object for all rows, because the series copies the numbers.
  const sums = { ...NO_SUMS };
  return (row, groups) => {
    const newestMs = newest[row]!;
    if (Number.isNaN(newestMs)) return;
    sums.newestMs = newestMs;
    sums.oldestMs = oldest[row]! || newestMs;
    sums.count = counts[row]! || 0;
    sums.valueCount = samples[row]! || 0;
    if (errors) sums.errorCount = errors[row]! || 0;
    if (totals) sums.sum = totals[row]! || 0;
    if (valueTotals) sums.valueSum = valueTotals[row]! || 0;
    if (minima) sums.min = minima[row]!;
    if (maxima) sums.max = maxima[row]!;
    if (last) sums.last = last[row]!;
    // An iterator for each row would keep the garbage collector busy.
    for (let i = 0; i < groups.length; i++) groups[i]!.series.add(times[row]!, sums);
  };
}

type GroupOf<S extends AnyStore> = NonNullable<ReturnType<S['store']['getOrAdd']>>;

/** Finds the groups of the texts of a row in all stores. */
class GroupRouter<S extends AnyStore> {
  readonly #query: CellQuery;
  readonly #stores: readonly S[];
  /** Position of each dimension in the texts. Two dimensions can use the same column. */
  readonly #positions: readonly (readonly [Dimension, number])[];

  constructor(table: QueryTable, { query, stores }: CellRead) {
    this.#query = query;
    this.#stores = stores as readonly S[];
    const columns = query.groupBy.map((name) => toGroupColumn(table, name));
    const distinct = [...new Set(columns)];
    this.#positions = query.groupBy.map((name, i) => [name, distinct.indexOf(columns[i]!)]);
  }

  route(texts: readonly (string | null)[]): readonly GroupOf<S>[] {
    const group = Object.fromEntries(this.#positions.map(([name, i]) => [name, toText(texts[i])]));
    const matching = this.#stores.filter((store) => matchesFilter(group, this.#query, store));
    return findGroups(matching, group);
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

function toFetchedJobs(totals: readonly JobTotals[], { query, stores }: CellRead): FetchedCells {
  return {
    rowCount: totals.length,
    *add() {
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
        const named = Object.fromEntries(query.groupBy.map((name) => [name, group[name]]));
        for (const { series } of findGroups(stores as readonly SumStore[], named)) {
          series.add(bucket?.fromMs ?? 0, sums);
        }
      }
    },
  };
}
