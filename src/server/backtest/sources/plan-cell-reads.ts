import { OWN_SERVICE_NAME } from '../../../core/own-service.ts';
import type { Dimension, Filter, Group } from '../../../storage/queries/query-definition.ts';
import { includesNone } from '../../../storage/sql/sql-builder.ts';
import { computeCellMs } from '../replay/replay-grid.ts';
import type { BucketStore, CellQuery, CellStores, SumColumn, SumStore } from './cell-stores.ts';

export type AnyStore = SumStore | BucketStore;

/** One query for several stores. Coarser groupings and narrower filters are computed from its rows. */
export interface CellRead {
  readonly query: CellQuery;
  readonly stores: readonly AnyStore[];
  readonly cellMs: number;
  /** The read starts this long before the first evaluation. */
  readonly windowMs: number;
  /** The sums that the stores need. */
  readonly columns: ReadonlySet<SumColumn>;
}

/**
 * Plans the queries for all stores.
 *
 * @param stepMs time between two evaluations
 * @param healthIntervalMs interval at which services report their health, in whole minutes
 */
export function planCellReads(
  { sums, buckets }: CellStores,
  stepMs: number,
  healthIntervalMs: number,
): CellRead[] {
  const all: AnyStore[] = [...sums, ...buckets];
  const widest = all.filter(
    (each) => !all.some((other) => other !== each && canServe(other, each)),
  );
  const byWidest = Map.groupBy(all, (each) =>
    widest.find((other) => other === each || canServe(other, each)),
  );
  return [...byWidest].map(([query, stores]): CellRead => {
    const windowsMs = stores.flatMap(({ store }) => store.windowsMs);
    const isReport = query!.kind === 'reports';
    return {
      query: query!,
      stores,
      cellMs: isReport ? healthIntervalMs : computeCellMs(stepMs, windowsMs),
      windowMs: Math.max(...windowsMs),
      columns: new Set(stores.flatMap((each) => ('columns' in each ? [...each.columns] : []))),
    };
  });
}

/** Returns whether the rows of `wide` contain the rows of `narrow`, with the dimensions to select and group them. */
function canServe(wide: CellQuery, narrow: CellQuery): boolean {
  if (wide.kind !== narrow.kind || wide.type !== narrow.type) return false;
  if (!narrow.groupBy.every((name) => wide.groupBy.includes(name))) return false;
  const isSame = ([name, values]: [string, unknown]) =>
    JSON.stringify(values) === JSON.stringify(narrow.filter[name as Dimension]);
  if (!Object.entries(wide.filter).every(isSame)) return false;
  const added = listAddedFilters(wide, narrow);
  if (added.length === 0) return true;
  // Perfscope's own requests are read only if a filter lists its service.
  const hasOwnRequests = narrow.filter.service?.includes(OWN_SERVICE_NAME) ?? false;
  const canFilter = narrow.kind === 'sums' || narrow.kind === 'buckets';
  return canFilter && !hasOwnRequests && added.every((name) => wide.groupBy.includes(name));
}

function listAddedFilters(wide: CellQuery, narrow: CellQuery): Dimension[] {
  const names = Object.keys(narrow.filter) as Dimension[];
  return names.filter((name) => narrow.filter[name] && !wide.filter[name]);
}

/** Returns whether a group that was read for `wide` matches the filter of a store. */
export function matchesFilter(group: Group, wide: CellQuery, store: CellQuery): boolean {
  return listAddedFilters(wide, store).every((name) =>
    matchesValue(group[name], store.filter[name] ?? []),
  );
}

/** Same as `matchesNames` in SQL. */
function matchesValue(text: string | undefined, values: NonNullable<Filter[Dimension]>): boolean {
  if (text === undefined) return includesNone(values);
  return !includesNone([text]) && values.includes(text);
}
