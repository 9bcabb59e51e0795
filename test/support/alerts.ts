import { Evaluator, type EvaluatorOptions } from '../../src/alerts/evaluator.ts';
import { externalQuestdb } from '../../src/config/external.ts';
import { parseSettings } from '../../src/config/settings.ts';
import { bucketRows } from '../../src/histogram/bucket-rows.ts';
import { addAt, type Buckets, boundOf } from '../../src/histogram/buckets.ts';
import { QuestdbStore } from '../../src/questdb/store.ts';
import { pointOf } from '../../src/schema/identity.ts';
import type { MetricBucket } from '../../src/schema/metric-buckets.ts';
import type { PerformanceMetric } from '../../src/schema/performance-metrics.ts';
import {
  type Add,
  asAnyRows,
  type RowTypes,
  type TableName,
  tableNamed,
} from '../../src/schema/tables.ts';
import { Encoder } from '../../src/write/encode.ts';
import { Poster } from '../../src/write/post.ts';
import type { ForeignQuestdb } from './questdb.ts';
import { until } from './until.ts';

const SETTINGS = parseSettings({}).settings;

/** Rows on their way to a QuestDB, with what a writer would have lost track of. */
export class Rows {
  readonly #questdb: ForeignQuestdb;
  readonly #poster = new Poster();
  #waiting: { [N in TableName]?: RowTypes[N][] } = {};

  constructor(questdb: ForeignQuestdb) {
    this.#questdb = questdb;
  }

  readonly add: Add = (table, rows) => {
    const waiting = (this.#waiting[table] ?? []) as typeof rows;
    this.#waiting = { ...this.#waiting, [table]: [...waiting, ...rows] };
  };

  /** Stores what was added, and waits until it can be read. */
  readonly flush = async (): Promise<void> => {
    const waiting = this.#waiting;
    this.#waiting = {};
    for (const [table, rows] of Object.entries(waiting)) {
      const lines = new Encoder().encode(tableNamed(table as TableName), asAnyRows(rows as never));
      const outcome = await this.#poster.post(this.#questdb.target, [lines], 60_000);
      if (outcome.kind !== 'stored') {
        this.#waiting = waiting;
        throw new Error(outcome.reason);
      }
    }
    await until(async () => {
      const behind = await this.#questdb.sql(
        "SELECT name FROM wal_tables() WHERE writerTxn < sequencerTxn AND name NOT LIKE '%_1%'",
      );
      return behind.length === 0;
    });
  };

  close(): void {
    this.#poster.close();
  }
}

export function storeOf(questdb: ForeignQuestdb): QuestdbStore {
  return new QuestdbStore(externalQuestdb(parseSettings(questdb.env).settings)!.read);
}

export const ROAD = { service: 'perfscope', instance: 'p1', spoolBytes: 0, droppedRows: 0 };

/** An evaluator of the built-in rules that nothing drives but the test. */
export function evaluatorOf(
  options: Pick<EvaluatorOptions, 'store' | 'add' | 'flush'> & Partial<EvaluatorOptions>,
): Evaluator {
  return new Evaluator({
    settings: SETTINGS,
    road: () => ROAD,
    healthIntervalMs: 60_000,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    ...options,
  });
}

let made = 0;

/** One point of a histogram of `count` values of `ms` each, and its buckets. */
export function histogram(
  row: Partial<PerformanceMetric> & { timestamp: number },
  { count, ms, errors = 0 }: { count: number; ms: number; errors?: number },
): { row: PerformanceMetric; buckets: MetricBucket[] } {
  const parts: [number, number][] = [
    [count - errors, 0],
    [errors, errors],
  ];
  const point: PerformanceMetric = {
    id: `h${made++}`,
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
  const buckets: Buckets = new Map();
  for (const [many, failed] of parts) if (many > 0) addAt(buckets, boundOf(ms, 1000), many, failed);
  return { row: point, buckets: bucketRows(point, buckets, pointOf(point.id!), point.timestamp) };
}

export function gauge(
  row: Partial<PerformanceMetric> & { timestamp: number; value: number },
): PerformanceMetric {
  return { id: `g${made++}`, name: 'gauge', unit: '1', test: false, instance: 'i1', ...row };
}
