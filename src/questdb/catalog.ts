import { chainTo, lateMs, ROLLUP_UNITS, type RollupUnit } from '../schema/rollup-units.ts';
import { isMeasured, ROLLINGS, type Rolling, versionOf } from '../schema/rollups.ts';
import { EVERYTHING } from '../schema/scope.ts';
import type { Read, Row } from './reader.ts';
import { from, sql } from './statement.ts';

/** A table of rows, or a roll-up of it. Times in ms since the epoch. */
export interface Stored {
  readonly name: string;
  /** Length of an interval; 0 for the rows themselves. */
  readonly unitMs: number;
  /** What is older is not in it; -Infinity when nothing older is kept anywhere. */
  readonly fromMs: number;
  /** What is newer may still be missing in it. */
  readonly untilMs: number;
  /** Changes with what is in it; undefined for the rows, which may change at any time. */
  readonly state?: string | undefined;
}

/** All that is kept of each measurement table by its name: rows first, then the newest roll-ups. */
export type Catalog = ReadonlyMap<string, readonly Stored[]>;

const FRESH_MS = 10_000;
/** What was known is still right for as long, if less than could be: nobody waits for news. */
const USABLE_MS = 30_000;
/** QuestDB says so of a view without rows. */
const NEVER_MS = Date.UTC(9000, 0);

/** Knows what is stored, from QuestDB's own lists, asked at most every ten seconds. */
export class CatalogReader {
  readonly #read: Read;
  #known: Promise<Catalog> | undefined;
  #knownMs = 0;
  #asking: Promise<Catalog> | undefined;

  constructor(read: Read) {
    this.#read = read;
  }

  /** @throws PS_UNAVAILABLE */
  readonly catalog = (nowMs: number = Date.now()): Promise<Catalog> => {
    const ageMs = this.#known ? nowMs - this.#knownMs : Number.POSITIVE_INFINITY;
    if (this.#known && ageMs <= FRESH_MS) return this.#known;
    const asking = this.#askOnce(nowMs);
    return this.#known && ageMs <= USABLE_MS ? this.#known : asking;
  };

  /** Asks anew at the next question, after something has changed. */
  forget(): void {
    this.#known = undefined;
    this.#asking = undefined;
  }

  #askOnce(nowMs: number): Promise<Catalog> {
    if (this.#asking) return this.#asking;
    const asking = this.#ask();
    this.#asking = asking;
    asking.then(
      () => {
        if (this.#asking !== asking) return;
        this.#known = asking;
        this.#knownMs = nowMs;
        this.#asking = undefined;
      },
      () => {
        if (this.#asking === asking) this.#asking = undefined;
      },
    );
    return asking;
  }

  async #ask(): Promise<Catalog> {
    const [tables, views] = await Promise.all([
      this.#read(EVERYTHING, sql`SELECT table_name, table_min_timestamp FROM tables()`),
      this.#read(
        EVERYTHING,
        sql`SELECT view_name, view_status, last_refresh_start_timestamp,
          last_refresh_finish_timestamp FROM materialized_views()`,
      ),
    ]);
    const firstMs = new Map(
      await Promise.all(
        tables.map(async (row) => [row.table_name, await this.#firstOf(row)] as const),
      ),
    );
    return new Map(
      ROLLINGS.map((rolling) => {
        const { table, units } = rolling;
        const rollups = units.flatMap((unit) => rollupsOf(rolling, unit, views, firstMs));
        const rows = {
          name: table.name,
          unitMs: 0,
          untilMs: Number.POSITIVE_INFINITY,
          fromMs: firstMs.get(table.name) ?? Number.POSITIVE_INFINITY,
        };
        return [table.name, withoutFalseStarts([rows, ...rollups])];
      }),
    );
  }

  /** After a start QuestDB's list does not know the tables that nobody has used since. */
  async #firstOf(table: Row): Promise<number | undefined> {
    const name = String(table.table_name);
    const firstKnown = table.table_min_timestamp;
    if (firstKnown !== null || !isMeasured(name)) return msOf(firstKnown);
    const [first] = await this.#read(EVERYTHING, sql`SELECT timestamp ${from(name)} LIMIT 1`);
    return msOf(first?.timestamp);
  }
}

/** The usable roll-ups of one unit, the newest version first. */
function rollupsOf(
  { table, units }: Rolling,
  unit: RollupUnit,
  views: readonly Row[],
  firstMs: ReadonlyMap<unknown, number | undefined>,
): Stored[] {
  const found = views.flatMap((view) => {
    const version = versionOf(String(view.view_name), table.name, unit);
    const untilMs = version === undefined ? undefined : refreshedMs(view, chainTo(units, unit));
    const fromMs = firstMs.get(view.view_name);
    if (version === undefined || untilMs === undefined || fromMs === undefined) return [];
    const name = String(view.view_name);
    const state = `${view.view_status} ${msOf(view.last_refresh_finish_timestamp)}`;
    return [{ version, name, unitMs: ROLLUP_UNITS[unit].ms, fromMs, untilMs, state }];
  });
  return found.sort((a, b) => b.version - a.version).map(({ version: _, ...stored }) => stored);
}

/** Until when a view holds all that had come in time; undefined while it can't be trusted. */
function refreshedMs(view: Row, chain: readonly RollupUnit[]): number | undefined {
  const startMs = msOf(view.last_refresh_start_timestamp);
  const finishMs = msOf(view.last_refresh_finish_timestamp);
  if (finishMs === undefined) return undefined;
  if (view.view_status === 'valid' && startMs !== undefined) return startMs - lateMs(chain);
  // One runs now, and only the one before is whole; or QuestDB has been started since, and has
  // forgotten when the last began. It was at most an interval before its end.
  return ['valid', 'refreshing'].includes(String(view.view_status))
    ? finishMs - lateMs(chain) - ROLLUP_UNITS[chain.at(-1)!].ms
    : undefined;
}

/** The first row of something does not cut anything off when nothing coarser is older. */
function withoutFalseStarts(stored: readonly Stored[]): Stored[] {
  return stored.map((each, i) => {
    const others = stored.slice(i + 1).map(({ fromMs }) => fromMs);
    const oldestMs = Math.min(...others, Number.POSITIVE_INFINITY);
    const coarsestMs = stored.at(-1)!.unitMs || 1;
    const cut = oldestMs < Math.floor(each.fromMs / coarsestMs) * coarsestMs;
    return cut ? each : { ...each, fromMs: Number.NEGATIVE_INFINITY };
  });
}

function msOf(value: unknown): number | undefined {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  return Number.isFinite(ms) && ms < NEVER_MS ? ms : undefined;
}
