import {
  computeRefreshLagMs,
  getUnitChain,
  isMeasurementTableOrRollup,
  parseRollupVersion,
  ROLLUP_DEFINITIONS,
  ROLLUP_UNITS,
  type RollupDefinition,
  type RollupUnit,
} from '../../core/schema/rollup-definitions.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { fromTable, sql } from '../sql/sql-builder.ts';
import type { ReadRows, Row } from './questdb-reader.ts';

/** A table of rows, or a roll-up of it. Times in ms since the epoch. */
export interface StoredTable {
  readonly name: string;
  /** Length of an interval; 0 for the rows themselves. */
  readonly unitMs: number;
  /** What is older is not in it; -Infinity when nothing older is kept anywhere. */
  readonly fromMs: number;
  /** What is newer may still be missing in it. */
  readonly untilMs: number;
  /** Changes with what is in it; undefined for the rows, which may change at any time. */
  readonly revision?: string | undefined;
}

/** All that is kept of each measurement table by its name: rows first, then the newest roll-ups. */
export type Catalog = ReadonlyMap<string, readonly StoredTable[]>;

const FRESH_MS = 10_000;
/** What was known is still right for as long, if less than could be: nobody waits for news. */
const USABLE_STALE_MS = 30_000;
/** QuestDB says so of a view without rows. */
const NO_ROWS_MS = Date.UTC(9000, 0);

/** Knows what is stored, from QuestDB's own lists, asked at most every ten seconds. */
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
    if (this.#cached && ageMs <= FRESH_MS) return this.#cached;
    const asking = this.#fetchOnce(nowMs);
    return this.#cached && ageMs <= USABLE_STALE_MS ? this.#cached : asking;
  };

  /** Asks anew at the next question, after something has changed. */
  invalidate(): void {
    this.#cached = undefined;
    this.#pending = undefined;
  }

  #fetchOnce(nowMs: number): Promise<Catalog> {
    if (this.#pending) return this.#pending;
    const asking = this.#fetch();
    this.#pending = asking;
    asking.then(
      () => {
        if (this.#pending !== asking) return;
        this.#cached = asking;
        this.#cachedAtMs = nowMs;
        this.#pending = undefined;
      },
      () => {
        if (this.#pending === asking) this.#pending = undefined;
      },
    );
    return asking;
  }

  async #fetch(): Promise<Catalog> {
    const [tables, views] = await Promise.all([
      this.#read(UNRESTRICTED_SCOPE, sql`SELECT table_name, table_min_timestamp FROM tables()`),
      this.#read(
        UNRESTRICTED_SCOPE,
        sql`SELECT view_name, view_status, last_refresh_start_timestamp,
          last_refresh_finish_timestamp FROM materialized_views()`,
      ),
    ]);
    const firstMs = new Map(
      await Promise.all(
        tables.map(async (row) => [row.table_name, await this.#getFirstMs(row)] as const),
      ),
    );
    return new Map(
      ROLLUP_DEFINITIONS.map((rolling) => {
        const { table, units } = rolling;
        const rollups = units.flatMap((unit) => findRollups(rolling, unit, views, firstMs));
        const rows = {
          name: table.name,
          unitMs: 0,
          untilMs: Number.POSITIVE_INFINITY,
          fromMs: firstMs.get(table.name) ?? Number.POSITIVE_INFINITY,
        };
        return [table.name, removeFalseStarts([rows, ...rollups])];
      }),
    );
  }

  /** After a start QuestDB's list does not know the tables that nobody has used since. */
  async #getFirstMs(table: Row): Promise<number | undefined> {
    const name = String(table.table_name);
    const firstKnown = table.table_min_timestamp;
    if (firstKnown !== null || !isMeasurementTableOrRollup(name)) return toMs(firstKnown);
    const [first] = await this.#read(
      UNRESTRICTED_SCOPE,
      sql`SELECT timestamp ${fromTable(name)} LIMIT 1`,
    );
    return toMs(first?.timestamp);
  }
}

/** The usable roll-ups of one unit, the newest version first. */
function findRollups(
  { table, units }: RollupDefinition,
  unit: RollupUnit,
  views: readonly Row[],
  firstMs: ReadonlyMap<unknown, number | undefined>,
): StoredTable[] {
  const found = views.flatMap((view) => {
    const version = parseRollupVersion(String(view.view_name), table.name, unit);
    const untilMs =
      version === undefined ? undefined : getRefreshedMs(view, getUnitChain(units, unit));
    const fromMs = firstMs.get(view.view_name);
    if (version === undefined || untilMs === undefined || fromMs === undefined) return [];
    const name = String(view.view_name);
    const state = `${view.view_status} ${toMs(view.last_refresh_finish_timestamp)}`;
    return [{ version, name, unitMs: ROLLUP_UNITS[unit].ms, fromMs, untilMs, state }];
  });
  return found.sort((a, b) => b.version - a.version).map(({ version: _, ...stored }) => stored);
}

/** Until when a view holds all that had come in time; undefined while it can't be trusted. */
function getRefreshedMs(view: Row, chain: readonly RollupUnit[]): number | undefined {
  const startMs = toMs(view.last_refresh_start_timestamp);
  const finishMs = toMs(view.last_refresh_finish_timestamp);
  if (finishMs === undefined) return undefined;
  if (view.view_status === 'valid' && startMs !== undefined)
    return startMs - computeRefreshLagMs(chain);
  // One runs now, and only the one before is whole; or QuestDB has been started since, and has
  // forgotten when the last began. It was at most an interval before its end.
  return ['valid', 'refreshing'].includes(String(view.view_status))
    ? finishMs - computeRefreshLagMs(chain) - ROLLUP_UNITS[chain.at(-1)!].ms
    : undefined;
}

/** The first row of something does not cut anything off when nothing coarser is older. */
function removeFalseStarts(stored: readonly StoredTable[]): StoredTable[] {
  return stored.map((each, i) => {
    const others = stored.slice(i + 1).map(({ fromMs }) => fromMs);
    const oldestMs = Math.min(...others, Number.POSITIVE_INFINITY);
    const coarsestMs = stored.at(-1)!.unitMs || 1;
    const cut = oldestMs < Math.floor(each.fromMs / coarsestMs) * coarsestMs;
    return cut ? each : { ...each, fromMs: Number.NEGATIVE_INFINITY };
  });
}

function toMs(value: unknown): number | undefined {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  return Number.isFinite(ms) && ms < NO_ROWS_MS ? ms : undefined;
}
