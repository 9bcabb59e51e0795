import {
  computeRefreshLagMs,
  getUnitChain,
  ROLLUP_DEFINITIONS,
  ROLLUP_UNITS,
  type RollupDefinition,
  type RollupUnit,
} from '../../core/schema/rollup-definitions.ts';
import { parseRollupHistory } from '../../core/schema/rollup-history.ts';
import {
  isMeasurementTableOrRollup,
  parseRollupUnit,
  parseRollupVersion,
} from '../../core/schema/rollup-names.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { fromTable, sql } from '../sql/sql-builder.ts';
import type { ReadRows, Row } from './postgres-wire-reader.ts';

/** A measurement table or one of its roll-ups. Times are in ms since the epoch. */
export interface StoredTable {
  readonly name: string;
  /** Interval length of a roll-up in ms; 0 for a table. */
  readonly unitMs: number;
  /** Time of the first row; `-Infinity` if no coarser roll-up contains older data. */
  readonly fromMs: number;
  /** Time up to which the data is complete. */
  readonly untilMs: number;
  /**
   * Changes with each refresh of a roll-up; `undefined` for tables, which can change at any time.
   */
  readonly revision?: string | undefined;
  /**
   * Tables with older intervals. Queries add their values to the values of the table or roll-up, because
   * no measurement is in both. Default: none.
   */
  readonly histories?: readonly HistoryTable[];
  /** Time of the roll-up's own first row, if it differs from `fromMs` because of `histories`. */
  readonly ownFromMs?: number;
}

/** A table with intervals of a roll-up that was replaced. Times are in ms since the epoch. */
export interface HistoryTable {
  readonly name: string;
  readonly unitMs: number;
  readonly fromMs: number;
  /** End of the last interval. */
  readonly untilMs: number;
  readonly revision: string;
}

/** For each measurement table, the table itself followed by its roll-ups, newest version first. */
export type Catalog = ReadonlyMap<string, readonly StoredTable[]>;

/** Age in ms at which the catalog is loaded again. */
const MAX_FRESH_AGE_MS = 10_000;
/**
 * Age in ms up to which the old catalog is returned while the new catalog loads. An old catalog is
 * still correct but can miss the newest roll-up data.
 */
const MAX_STALE_AGE_MS = 30_000;
/** For an empty view, QuestDB returns a first timestamp that is later than this time. */
const NO_ROWS_MS = Date.UTC(9000, 0);

/** Reads from QuestDB which tables and roll-ups are stored, at most every 10 s. */
export class CatalogReader {
  readonly #read: ReadRows;
  #cached: Promise<Catalog> | undefined;
  #cachedAtMs = 0;
  #pending: Promise<Catalog> | undefined;

  constructor(read: ReadRows) {
    this.#read = read;
  }

  /** @throws PS_UNAVAILABLE */
  readonly getCatalog = (nowMs: number = Date.now()): Promise<Catalog> => {
    const ageMs = this.#cached ? nowMs - this.#cachedAtMs : Number.POSITIVE_INFINITY;
    if (this.#cached && ageMs <= MAX_FRESH_AGE_MS) return this.#cached;
    const pending = this.#fetchOnce(nowMs);
    return this.#cached && ageMs <= MAX_STALE_AGE_MS ? this.#cached : pending;
  };

  /** Discards the cached catalog. The next call of `getCatalog` loads it again. */
  invalidate(): void {
    this.#cached = undefined;
    this.#pending = undefined;
  }

  #fetchOnce(nowMs: number): Promise<Catalog> {
    if (this.#pending) return this.#pending;
    const pending = this.#fetch();
    this.#pending = pending;
    pending.then(
      () => {
        if (this.#pending !== pending) return;
        this.#cached = pending;
        this.#cachedAtMs = nowMs;
        this.#pending = undefined;
      },
      () => {
        if (this.#pending === pending) this.#pending = undefined;
      },
    );
    return pending;
  }

  async #fetch(): Promise<Catalog> {
    const [tables, views] = await Promise.all([
      this.#read(
        UNRESTRICTED_SCOPE,
        sql`SELECT table_name, id, table_min_timestamp, table_max_timestamp FROM tables()`,
      ),
      this.#read(
        UNRESTRICTED_SCOPE,
        sql`SELECT view_name, view_status, last_refresh_start_timestamp,
          last_refresh_finish_timestamp FROM materialized_views()`,
      ),
    ]);
    const ids = new Map(tables.map((row) => [row.table_name, Number(row.id)]));
    const firstMs = new Map(
      await Promise.all(
        tables.map(async (row) => [row.table_name, await this.#getFirstMs(row)] as const),
      ),
    );
    const histories = await this.#readHistories(tables, ids, firstMs);
    return new Map(
      ROLLUP_DEFINITIONS.map((definition) => {
        const { table, units } = definition;
        const ofTable = histories.filter(({ view }) => isRollupOf(definition, view));
        const ofFinest = ofTable.filter(({ unitMs }) => unitMs === ROLLUP_UNITS[units[0]!].ms);
        // The rows before this time are incomplete.
        const rowsFromMs = Math.max(
          Number.NEGATIVE_INFINITY,
          ...ofFinest.map(({ untilMs }) => untilMs),
        );
        const rollups = units.flatMap((unit) =>
          addHistories(
            findRollups(definition, unit, views, firstMs),
            ofTable.filter(({ unitMs }) => unitMs === ROLLUP_UNITS[unit].ms),
            rowsFromMs,
          ),
        );
        const rows = {
          name: table.name,
          unitMs: 0,
          untilMs: Number.POSITIVE_INFINITY,
          fromMs: Math.max(firstMs.get(table.name) ?? Number.POSITIVE_INFINITY, rowsFromMs),
          histories: ofFinest,
        };
        const [limitedRows, ...limited] = removeStartLimits([rows, ...rollups]);
        return [table.name, [ofFinest.length > 0 ? rows : limitedRows!, ...limited]];
      }),
    );
  }

  /**
   * Returns the time of a table's first row. After QuestDB starts, `tables()` has no times for
   * tables that have not been used yet, so these are read from the table.
   */
  async #getFirstMs(table: Row): Promise<number | undefined> {
    const name = String(table.table_name);
    const listed = table.table_min_timestamp;
    if (listed !== null || !(isMeasurementTableOrRollup(name) || parseRollupHistory(name))) {
      return toMs(listed);
    }
    const [first] = await this.#read(
      UNRESTRICTED_SCOPE,
      sql`SELECT timestamp ${fromTable(name)} LIMIT 1`,
    );
    return toMs(first?.timestamp);
  }

  /** Returns the histories of roll-ups that no longer exist. Other histories can be incomplete. */
  async #readHistories(
    tables: readonly Row[],
    ids: ReadonlyMap<unknown, number>,
    firstMs: ReadonlyMap<unknown, number | undefined>,
  ): Promise<(HistoryTable & { readonly view: string })[]> {
    const histories = tables.map(async (row) => {
      const name = String(row.table_name);
      const history = parseRollupHistory(name);
      const fromMs = firstMs.get(row.table_name);
      if (!history || fromMs === undefined || ids.get(history.view) === history.viewId) return [];
      const lastMs = toMs(row.table_max_timestamp) ?? (await this.#getLastMs(name));
      const unit = parseRollupUnit(history.view);
      if (lastMs === undefined || unit === undefined) return [];
      const unitMs = ROLLUP_UNITS[unit].ms;
      const { view } = history;
      return [{ name, view, unitMs, fromMs, untilMs: lastMs + unitMs, revision: 'unchanged' }];
    });
    return (await Promise.all(histories)).flat();
  }

  async #getLastMs(name: string): Promise<number | undefined> {
    const [last] = await this.#read(
      UNRESTRICTED_SCOPE,
      sql`SELECT max(timestamp) AS timestamp ${fromTable(name)}`,
    );
    return toMs(last?.timestamp);
  }
}

function isRollupOf({ table, units }: RollupDefinition, name: string): boolean {
  return units.some((unit) => parseRollupVersion(name, table.name, unit) !== undefined);
}

/**
 * Adds the histories of one unit to its newest roll-up. If there is no usable roll-up, the histories form one
 * that ends with the last interval before `rowsFromMs`. Later intervals are incomplete.
 */
function addHistories(
  rollups: readonly StoredTable[],
  histories: readonly HistoryTable[],
  rowsFromMs: number,
): StoredTable[] {
  const [first, ...others] = histories;
  if (!first) return [...rollups];
  const { unitMs } = first;
  const historyFromMs = Math.min(...histories.map(({ fromMs }) => fromMs));
  const [newest, ...older] = rollups;
  if (newest) {
    const fromMs = Math.min(newest.fromMs, historyFromMs);
    return [{ ...newest, fromMs, ownFromMs: newest.fromMs, histories }, ...older];
  }
  const untilMs = Number.isFinite(rowsFromMs)
    ? Math.floor(rowsFromMs / unitMs) * unitMs
    : Math.max(...histories.map((each) => each.untilMs));
  return [{ ...first, fromMs: historyFromMs, untilMs, histories: others }];
}

/** Returns the usable roll-ups of one unit, newest version first. */
function findRollups(
  { table, units }: RollupDefinition,
  unit: RollupUnit,
  views: readonly Row[],
  firstMs: ReadonlyMap<unknown, number | undefined>,
): StoredTable[] {
  const rollups = views.flatMap((view) => {
    const version = parseRollupVersion(String(view.view_name), table.name, unit);
    const untilMs =
      version === undefined ? undefined : getRefreshedMs(view, getUnitChain(units, unit));
    const fromMs = firstMs.get(view.view_name);
    if (version === undefined || untilMs === undefined || fromMs === undefined) return [];
    const name = String(view.view_name);
    const revision = `${view.view_status} ${toMs(view.last_refresh_finish_timestamp)}`;
    return [{ version, name, unitMs: ROLLUP_UNITS[unit].ms, fromMs, untilMs, revision }];
  });
  return rollups.sort((a, b) => b.version - a.version).map(({ version: _, ...stored }) => stored);
}

/** Returns the time up to which a view is complete; `undefined` if the view can't be used. */
function getRefreshedMs(view: Row, chain: readonly RollupUnit[]): number | undefined {
  const startMs = toMs(view.last_refresh_start_timestamp);
  const finishMs = toMs(view.last_refresh_finish_timestamp);
  if (finishMs === undefined) return undefined;
  if (view.view_status === 'valid' && startMs !== undefined)
    return startMs - computeRefreshLagMs(chain);
  // Either a refresh is running and only the previous refresh is complete, or QuestDB was
  // restarted. After a restart, the start of the last refresh is unknown. That refresh took at most
  // one interval.
  return ['valid', 'refreshing'].includes(String(view.view_status))
    ? finishMs - computeRefreshLagMs(chain) - ROLLUP_UNITS[chain.at(-1)!].ms
    : undefined;
}

/**
 * Sets `fromMs` to `-Infinity` for each table or roll-up, unless a coarser roll-up starts earlier.
 * If none starts earlier, the first row of the table or roll-up is the first row ever stored, so
 * nothing older is missing.
 */
function removeStartLimits(tables: readonly StoredTable[]): StoredTable[] {
  return tables.map((table, i) => {
    const coarser = tables.slice(i + 1).map(({ fromMs }) => fromMs);
    const oldestMs = Math.min(...coarser, Number.POSITIVE_INFINITY);
    const coarsestMs = tables.at(-1)!.unitMs || 1;
    const hasOlderData = oldestMs < Math.floor(table.fromMs / coarsestMs) * coarsestMs;
    return hasOlderData ? table : { ...table, fromMs: Number.NEGATIVE_INFINITY };
  });
}

function toMs(value: unknown): number | undefined {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  return Number.isFinite(ms) && ms < NO_ROWS_MS ? ms : undefined;
}
