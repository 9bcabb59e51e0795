import { parseSettings } from '../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
  toBucketRows,
} from '../../src/core/histogram/histogram-buckets.ts';
import { computePointId } from '../../src/core/schema/row-ids.ts';
import {
  type AddRows,
  getTable,
  type RowTypes,
  type TableName,
  toAnyRows,
} from '../../src/core/schema/table-registry.ts';
import type { MetricBucketRow } from '../../src/core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';
import { AlertEvaluator } from '../../src/server/alerts/alert-evaluator.ts';
import type { AlertEvaluatorOptions } from '../../src/server/alerts/alert-evaluator-options.ts';
import type { Row } from '../../src/storage/questdb/postgres-wire-reader.ts';
import { QuestdbQueryClient, type ScanClient } from '../../src/storage/questdb/query-client.ts';
import { IlpClient } from '../../src/storage/write/ilp-client.ts';
import { LineProtocolEncoder } from '../../src/storage/write/line-protocol-encoder.ts';
import type { ExternalQuestdb } from './external-questdb.ts';
import { waitFor } from './wait-for.ts';

const SETTINGS = parseSettings({}).settings;

/** Writes rows to QuestDB without a spool. If a write fails, it keeps the rows for the next flush. */
export class TestRowWriter {
  readonly #questdb: ExternalQuestdb;
  readonly #ilpClient = new IlpClient();
  #pending: { [N in TableName]?: RowTypes[N][] } = {};

  constructor(questdb: ExternalQuestdb) {
    this.#questdb = questdb;
  }

  readonly add: AddRows = (table, rows) => {
    const pending = (this.#pending[table] ?? []) as typeof rows;
    this.#pending = { ...this.#pending, [table]: [...pending, ...rows] };
  };

  /** Stores the added rows and waits until they can be read. */
  readonly flush = async (): Promise<void> => {
    const pending = this.#pending;
    this.#pending = {};
    for (const [table, rows] of Object.entries(pending)) {
      const lines = new LineProtocolEncoder().encode(
        getTable(table as TableName),
        toAnyRows(rows as never),
      );
      const outcome = await this.#ilpClient.write(this.#questdb.target, [lines], 60_000);
      if (outcome.kind !== 'stored') {
        this.#pending = pending;
        throw new Error(outcome.reason);
      }
    }
    await waitFor(async () => {
      const unapplied = await this.#questdb.sql(
        "SELECT name FROM wal_tables() WHERE writerTxn < sequencerTxn AND name NOT LIKE '%_1%'",
      );
      return unapplied.length === 0;
    });
  };

  close(): void {
    this.#ilpClient.close();
  }
}

export function createQueryClient(questdb: ExternalQuestdb): QuestdbQueryClient {
  return new QuestdbQueryClient(
    getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
  );
}

export const PIPELINE_STATS = {
  service: 'perfscope',
  instance: 'p1',
  spoolBytes: 0,
  spoolLagMs: 0,
  deadLetterRows: 0,
  droppedRows: 0,
};

/** Returns a client of a database without tables. @param rows result of each query */
export function createEmptyClient(rows: readonly Row[] = []): ScanClient {
  const noRows = { keys: [], keyIndexes: new Uint32Array(), columns: [], release: () => {} };
  return {
    read: async () => rows,
    scan: async () => ({ length: 0, ...noRows }),
    getCatalog: async () => new Map(),
  };
}

/** Creates an evaluator of the built-in rules that runs only when the test calls it. */
export function createEvaluator(
  options: Pick<AlertEvaluatorOptions, 'queryClient' | 'add' | 'flush'> &
    Partial<AlertEvaluatorOptions>,
): AlertEvaluator {
  return new AlertEvaluator({
    settings: SETTINGS,
    pipelineStats: () => PIPELINE_STATS,
    healthIntervalMs: 60_000,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    ...options,
  });
}

let lastId = 0;

/** Creates a histogram point with `count` values of `ms` each, and its buckets. */
export function makeHistogram(
  row: Partial<PerformanceMetricRow> & { timestamp: number },
  { count, ms, errors = 0 }: { count: number; ms: number; errors?: number },
): { row: PerformanceMetricRow; buckets: MetricBucketRow[] } {
  const buckets: BucketCounts = new Map();
  const batches: [count: number, errors: number][] = [
    [count - errors, 0],
    [errors, errors],
  ];
  const point: PerformanceMetricRow = {
    id: `h${lastId++}`,
    name: 'duration',
    unit: 'ms',
    test: false,
    instance: 'i1',
    count,
    errorCount: errors,
    abortedCount: 0,
    sum: count * ms,
    value: ms,
    min: ms,
    max: ms,
    ...row,
  };
  for (const [size, failed] of batches)
    if (size > 0) addToBucket(buckets, computeStoredBound(ms, 1000), size, failed);
  return {
    row: point,
    buckets: toBucketRows(point, buckets, computePointId(point.id!), point.timestamp),
  };
}

export function makeGauge(
  row: Partial<PerformanceMetricRow> & { timestamp: number; value: number },
): PerformanceMetricRow {
  return { id: `g${lastId++}`, name: 'gauge', unit: '1', test: false, instance: 'i1', ...row };
}
