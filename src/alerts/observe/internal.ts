import { sql } from '../../questdb/statement.ts';
import { isMeasured } from '../../schema/rollups.ts';
import { EVERYTHING } from '../../schema/scope.ts';
import { STATE_TABLES } from '../../schema/tables.ts';
import { type GaugePoint, gauges } from '../../windows/gauges.ts';
import { lastOf, MINUTE_MS } from '../../windows/range.ts';
import type { Store } from '../../windows/store.ts';
import type { Observation } from '../evaluate/observation.ts';
import { evaluateUnavailable, type RuleOutcome } from '../evaluate/unavailable.ts';
import type { InternalFigure } from '../rules/words.ts';
import { Recent } from './recent.ts';
import { suspended, WalLag, type WalTable } from './wal-lag.ts';

/** What the process knows of its own write road. */
export interface OwnRoad {
  readonly service: string;
  readonly instance: string;
  readonly spoolBytes: number;
  /** Since the start. */
  readonly droppedRows: number;
}

/** The figures of a moment; those that only the database knows are missing while it is away. */
export type InternalFigures = Partial<Readonly<Record<InternalFigure, readonly Observation[]>>>;

const STATES: ReadonlySet<string> = new Set(STATE_TABLES.map(({ name }) => name));
/** What services export of their own write roads. */
const DROPPED = 'perfscope.rows.dropped';
const SPOOL = 'perfscope.spool.size';

/** Watches what Perfscope knows of itself. */
export class InternalWatch {
  readonly #store: Store;
  readonly #road: () => OwnRoad;
  readonly #lag = new WalLag();
  readonly #late = new Recent();
  readonly #dropped = new Recent();
  #droppedBefore = 0;

  constructor(store: Store, road: () => OwnRoad) {
    this.#store = store;
    this.#road = road;
  }

  /** Notes evaluations that came too late. */
  late(count: number, now: number): void {
    this.#late.add(count, now);
  }

  /** @param outcomes how the query of each rule went when it was last asked */
  async look(outcomes: readonly RuleOutcome[], now: number): Promise<InternalFigures> {
    const { database_unavailable, rule_failures, unavailable } = evaluateUnavailable(outcomes, now);
    const observed = (labels: Observation['labels'], value: number): Observation => ({
      labels,
      value,
      count: 1,
      newestMs: now,
    });
    const { service, instance, spoolBytes, droppedRows } = this.#road();
    this.#dropped.add(droppedRows - this.#droppedBefore, now);
    this.#droppedBefore = droppedRows;
    const own = { service, instance };
    const [tables, rollups, dropped = [], spools = []] = unavailable
      ? []
      : await Promise.all([
          this.#tables(),
          this.#rollups(),
          this.#ofOthers(DROPPED, ({ sum }) => sum, now),
          this.#ofOthers(SPOOL, ({ last }) => last, now),
        ]).catch(() => []);
    return {
      database_unavailable,
      rule_failures,
      late_evaluations: [observed({}, this.#late.total(now))],
      spool_bytes: [observed(own, spoolBytes), ...spools],
      rows_dropped: [observed(own, this.#dropped.total(now)), ...dropped],
      ...(tables && {
        questdb_suspended_tables: suspended(tables, now),
        questdb_lag: this.#lag.look(tables, now),
      }),
      ...(rollups && {
        questdb_invalid_rollups: rollups.map(({ name, invalid }) =>
          observed({ table: name }, invalid ? 1 : 0),
        ),
      }),
    };
  }

  /** What other processes have exported in the last minutes; a counter's rows are its increases. */
  async #ofOthers(
    name: string,
    value: (found: GaugePoint) => number | undefined,
    now: number,
  ): Promise<Observation[]> {
    const own = this.#road().instance;
    const range = lastOf(5 * MINUTE_MS, now);
    const question = { scope: EVERYTHING, range, groupBy: ['service', 'instance'] } as const;
    const measured = { metricType: 'CUSTOM', names: [name] } as const;
    const found = await gauges(this.#store, question, measured);
    return found
      .filter(({ group }) => group.instance !== own)
      .map((each) => {
        const { service = '', instance = '' } = each.group;
        return { labels: { service, instance }, value: value(each) ?? 0, count: 1, newestMs: now };
      });
  }

  async #rollups(): Promise<{ name: string; invalid: boolean }[]> {
    const rows = await this.#store.read(
      EVERYTHING,
      sql`SELECT view_name AS name, view_status AS status FROM materialized_views()`,
    );
    return rows
      .map(({ name, status }) => ({ name: String(name), invalid: status === 'invalid' }))
      .filter(({ name }) => isMeasured(name));
  }

  async #tables(): Promise<WalTable[]> {
    const rows = await this.#store.read(
      EVERYTHING,
      sql`SELECT name, suspended, writerTxn AS applied, sequencerTxn AS written FROM wal_tables()`,
    );
    return rows
      .map((row) => ({
        table: String(row.name),
        suspended: row.suspended === true,
        writtenTxn: Number(row.written),
        appliedTxn: Number(row.applied),
      }))
      .filter(({ table }) => STATES.has(table) || isMeasured(table));
  }
}
