import {
  DEAD_LETTERS_METRIC,
  DROPPED_ROWS_METRIC,
  SPOOL_LAG_METRIC,
  SPOOL_SIZE_METRIC,
} from '../../../agent/attribute-keys.ts';
import { MINUTE_MS } from '../../../core/duration.ts';
import { isMeasurementTableOrRollup } from '../../../core/schema/rollup-names.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { type GaugePoint, queryGauges } from '../../../storage/queries/gauge-values.ts';
import { getLastRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { WalLagTracker } from '../../../storage/questdb/wal-lag-tracker.ts';
import { isPerfscopeTable, type WalTable } from '../../../storage/questdb/wal-tables.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { InternalMetric } from '../rules/rule-aggregates.ts';
import { observeRuleHealth, type RuleOutcome } from '../state/rule-health-store.ts';

/** Statistics of this process's write pipeline. */
export interface PipelineStats {
  readonly service: string;
  readonly instance: string;
  readonly spoolBytes: number;
  /** Age of the oldest row in the spool, in ms. */
  readonly spoolLagMs: number;
  /** Number of rows that QuestDB rejected and that were set aside. */
  readonly deadLetterRows: number;
  /** Number of rows dropped since the process started. */
  readonly droppedRows: number;
}

/** Current values. Metrics that come from QuestDB are missing while QuestDB is unreachable. */
export type InternalMetrics = Partial<Readonly<Record<InternalMetric, readonly Observation[]>>>;

/** Reads the metrics about Perfscope itself. */
export class InternalMetricsReader {
  readonly #queryClient: QueryClient;
  readonly #pipelineStats: () => PipelineStats;
  readonly #walLag = new WalLagTracker();
  readonly #lateEvaluations = new SlidingWindowCounter();
  readonly #droppedRows = new SlidingWindowCounter();
  #lastDroppedRows = 0;

  constructor(queryClient: QueryClient, pipelineStats: () => PipelineStats) {
    this.#queryClient = queryClient;
    this.#pipelineStats = pipelineStats;
  }

  /** Counts late rule evaluations. */
  recordLateEvaluations(count: number, now: number): void {
    this.#lateEvaluations.add(count, now);
  }

  /**
   * Reads all internal metrics.
   *
   * @param outcomes the outcome of the last query of each rule
   * @param isReachable whether QuestDB responds
   */
  async read(
    outcomes: readonly RuleOutcome[],
    now: number,
    isReachable: boolean,
  ): Promise<InternalMetrics> {
    const { database_unavailable, rule_failures, unavailable } = observeRuleHealth(
      outcomes,
      now,
      isReachable,
    );
    const observed = (labels: Observation['labels'], value: number): Observation => ({
      labels,
      value,
      count: 1,
      newestMs: now,
    });
    const { service, instance, spoolBytes, spoolLagMs, deadLetterRows, droppedRows } =
      this.#pipelineStats();
    this.#droppedRows.add(droppedRows - this.#lastDroppedRows, now);
    this.#lastDroppedRows = droppedRows;
    const ownLabels = { service, instance };
    const [tables, rollups, dropped = [], spools = [], lags = [], deadLetters = []] = unavailable
      ? []
      : await Promise.all([
          this.#queryWalTables(),
          this.#queryRollups(),
          this.#queryOtherProcesses(DROPPED_ROWS_METRIC, ({ sum }) => sum, now),
          this.#queryOtherProcesses(SPOOL_SIZE_METRIC, ({ last }) => last, now),
          this.#queryOtherProcesses(SPOOL_LAG_METRIC, ({ last }) => last, now),
          this.#queryOtherProcesses(DEAD_LETTERS_METRIC, ({ last }) => last, now),
        ]).catch(() => []);
    return {
      database_unavailable,
      rule_failures,
      late_evaluations: [observed({}, this.#lateEvaluations.total(now))],
      spool_bytes: [observed(ownLabels, spoolBytes), ...spools],
      spool_lag: [observed(ownLabels, spoolLagMs), ...lags],
      dead_letters: [observed(ownLabels, deadLetterRows), ...deadLetters],
      rows_dropped: [observed(ownLabels, this.#droppedRows.total(now)), ...dropped],
      ...(tables && {
        questdb_suspended_tables: observeSuspendedTables(tables, now),
        questdb_lag: this.#walLag
          .update(tables, now)
          .map(({ table, lagMs }) => observed({ table }, lagMs)),
      }),
      ...(rollups && {
        questdb_invalid_rollups: rollups.map(({ name, invalid }) =>
          observed({ table: name }, invalid ? 1 : 0),
        ),
      }),
    };
  }

  /**
   * Reads the metrics that other processes exported in the last 5 minutes. Counter rows contain
   * increases.
   */
  async #queryOtherProcesses(
    name: string,
    value: (gauge: GaugePoint) => number | undefined,
    now: number,
  ): Promise<Observation[]> {
    const ownInstance = this.#pipelineStats().instance;
    const range = getLastRange(5 * MINUTE_MS, now);
    const query = {
      scope: UNRESTRICTED_SCOPE,
      range,
      groupBy: ['service', 'instance'],
    } as const;
    const conditions = { metricType: 'CUSTOM', names: [name] } as const;
    const gauges = await queryGauges(this.#queryClient, query, conditions);
    return gauges
      .filter(({ group }) => group.instance !== ownInstance)
      .map((each) => {
        const { service = '', instance = '' } = each.group;
        return { labels: { service, instance }, value: value(each) ?? 0, count: 1, newestMs: now };
      });
  }

  async #queryRollups(): Promise<{ name: string; invalid: boolean }[]> {
    const rows = await this.#queryClient.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT view_name AS name, view_status AS status FROM materialized_views()`,
    );
    return rows
      .map(({ name, status }) => ({ name: String(name), invalid: status === 'invalid' }))
      .filter(({ name }) => isMeasurementTableOrRollup(name));
  }

  async #queryWalTables(): Promise<Omit<WalTable, 'reason'>[]> {
    const rows = await this.#queryClient.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT name, suspended, writerTxn AS applied, sequencerTxn AS written FROM wal_tables()`,
    );
    return rows
      .map((row) => ({
        table: String(row.name),
        suspended: row.suspended === true,
        writtenTxn: Number(row.written),
        appliedTxn: Number(row.applied),
      }))
      .filter(({ table }) => isPerfscopeTable(table));
  }
}

/** Returns 1 for each suspended table and 0 for the others. */
function observeSuspendedTables(
  tables: readonly Omit<WalTable, 'reason'>[],
  now: number,
): Observation[] {
  return tables.map(({ table, suspended }) => ({
    labels: { table },
    value: suspended ? 1 : 0,
    count: 1,
    newestMs: now,
  }));
}

/** Counts events within a sliding window (default: 5 minutes). */
class SlidingWindowCounter {
  readonly #windowMs: number;
  #counts: { ms: number; count: number }[] = [];

  constructor(windowMs = 300_000) {
    this.#windowMs = windowMs;
  }

  add(count: number, now: number): void {
    if (count > 0) this.#counts.push({ ms: now, count });
  }

  total(now: number): number {
    this.#counts = this.#counts.filter(({ ms }) => ms > now - this.#windowMs);
    return this.#counts.reduce((sum, { count }) => sum + count, 0);
  }
}
