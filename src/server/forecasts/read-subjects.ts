import { createHash } from 'node:crypto';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import {
  COUNT,
  HOSTS_TABLE,
  METRICS_TABLE,
  VALUE_AGGREGATIONS,
} from '../../storage/queries/aggregation-tables.ts';
import { toHostAggregations } from '../../storage/queries/host-health.ts';
import { type MetricSelector, toMetricConditions } from '../../storage/queries/operation-totals.ts';
import type { Dimension, Query } from '../../storage/queries/query-definition.ts';
import { READY_STATES } from '../../storage/queries/queue-stats.ts';
import type { Aggregation, QueryTable } from '../../storage/queries/run-query.ts';
import { type Cell, scanCells } from '../../storage/queries/scan-cells.ts';
import type { TimeRange } from '../../storage/queries/time-range.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import type { ForecastKind, ForecastSubject } from './forecast-subject.ts';

/** One value of a subject. */
interface SubjectValue {
  readonly subject: ForecastSubject;
  readonly atMs: number;
  readonly value: number;
}

/** Reads the values of all subjects of one kind. */
export interface SubjectReader {
  readonly kind: ForecastKind;
  /** Distinguishes the readers of a kind. */
  readonly name: string;
  /**
   * Calls `add` for each value in a range. Several values of a subject in the same interval are combined with `combine`.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  readonly read: (
    client: ScanClient,
    range: TimeRange,
    stepMs: number,
    add: (value: SubjectValue) => void,
  ) => Promise<void>;
  readonly combine: (a: number, b: number) => number;
}

const sum = (a: number, b: number) => a + b;

/** Creates a subject. Its ID is a hash of its kind and labels. */
export function createSubject(
  kind: ForecastKind,
  labels: Readonly<Record<string, string>>,
  name: string,
  unit: string,
): ForecastSubject {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256')
    .update(JSON.stringify([kind, sorted, name]))
    .digest('hex');
  return { id: hash.slice(0, 16), kind, labels, name, unit };
}

interface CellReaderOptions {
  readonly kind: ForecastKind;
  readonly name: string;
  readonly table: QueryTable;
  readonly selector?: MetricSelector;
  readonly groupBy: readonly Dimension[];
  readonly aggregations: Readonly<Record<string, Aggregation>>;
  /** How to combine several groups of a subject. Default: the highest value. */
  readonly combine?: SubjectReader['combine'];
  /** How to combine the parts of a group from rows and from roll-ups. Default: the highest value. */
  readonly mergeParts?: SubjectReader['combine'];
  /** Returns the subject of a cell, or undefined if the cell belongs to none. */
  readonly toSubject: (texts: Cell['texts']) => ForecastSubject | undefined;
  readonly toValue?: (values: Cell['values'], stepMs: number) => number;
}

function createCellReader(options: CellReaderOptions): SubjectReader {
  const { kind, name, table, selector, groupBy, aggregations } = options;
  const { toSubject, toValue = ([value]) => value!, combine = Math.max } = options;
  const { mergeParts = Math.max } = options;
  return {
    kind,
    name,
    combine,
    async read(client, range, stepMs, add) {
      const step = { ms: stepMs, zone: 'utc' };
      const query: Query = { scope: UNRESTRICTED_SCOPE, range, groupBy, step };
      const conditions = selector ? toMetricConditions(selector) : [];
      const groups = new Map<
        string,
        { subject: ForecastSubject; cells: Map<number, Cell['values']> }
      >();
      const keys = new Map<Cell['texts'], string>();
      await scanCells(client, table, query, { aggregations, conditions }, (cell) => {
        const { texts, atMs, values } = cell;
        const key = keys.get(texts) ?? JSON.stringify(texts);
        keys.set(texts, key);
        const subject = groups.get(key)?.subject ?? toSubject(texts);
        if (!subject) return;
        const { cells } = groups.get(key) ?? { cells: new Map<number, Cell['values']>() };
        groups.set(key, { subject, cells });
        const known = cells.get(atMs);
        cells.set(atMs, known ? values.map((value, i) => mergeParts(known[i]!, value)) : values);
      });
      for (const { subject, cells } of groups.values())
        for (const [atMs, values] of cells) add({ subject, atMs, value: toValue(values, stepMs) });
    },
  };
}

const DISK = createCellReader({
  kind: 'disk',
  name: 'disk',
  table: HOSTS_TABLE,
  groupBy: ['host'],
  aggregations: { maximum: toHostAggregations('diskUsage').maximum },
  toSubject: ([host]) =>
    host === null || host === undefined
      ? undefined
      : createSubject('disk', { host }, `Disk of host ${host}`, '%'),
});

const HOST_MEMORY = createCellReader({
  kind: 'memory',
  name: 'host memory',
  table: HOSTS_TABLE,
  groupBy: ['host'],
  aggregations: { maximum: toHostAggregations('memoryUsage').maximum },
  toSubject: ([host]) =>
    host === null || host === undefined
      ? undefined
      : createSubject('memory', { host }, `Memory of host ${host}`, '%'),
});

/** The largest heap of a service. Old processes end, so the series of one process would be too short. */
const HEAP = createCellReader({
  kind: 'memory',
  name: 'heap',
  table: METRICS_TABLE,
  selector: { metricType: 'HEAP_USAGE', names: ['v8js.memory.heap.used'] },
  groupBy: ['service'],
  aggregations: { maximum: VALUE_AGGREGATIONS.maximum },
  toSubject: ([service]) =>
    typeof service === 'string'
      ? createSubject('memory', { service }, `Heap of ${service}`, 'By')
      : undefined,
});

/** Used connections of the process that uses the most, as a mean: short peaks are normal. */
const POOL = createCellReader({
  kind: 'pool',
  name: 'pool',
  table: METRICS_TABLE,
  selector: { metricType: 'DATABASE_CONNECTIONS', names: ['db.client.connection.count'] },
  groupBy: ['service', 'endpoint', 'operation', 'instance'],
  aggregations: { total: VALUE_AGGREGATIONS.value_total, samples: VALUE_AGGREGATIONS.samples },
  toSubject: ([service, pool, state]) =>
    typeof service === 'string' && typeof pool === 'string' && state === 'used'
      ? createSubject('pool', { service, pool }, `Connection pool ${pool} of ${service}`, '1')
      : undefined,
  mergeParts: sum,
  toValue: ([total, samples]) => total! / samples!,
});

const toQueueLabels = (queue: string, queueScope: string | null | undefined) => ({
  queue,
  ...(typeof queueScope === 'string' && { queueScope }),
});

const QUEUE_DEPTH = createCellReader({
  kind: 'queue',
  name: 'queue depth',
  table: METRICS_TABLE,
  selector: { metricType: 'QUEUE_DEPTH' },
  groupBy: ['queue', 'queueScope', 'operation'],
  aggregations: { maximum: VALUE_AGGREGATIONS.maximum },
  // Jobs that are ready to run can have several states.
  combine: sum,
  toSubject: ([queue, scope, state]) =>
    typeof queue === 'string' && READY_STATES.has(state ?? undefined)
      ? createSubject('queue', toQueueLabels(queue, scope), `Waiting jobs of queue ${queue}`, '1')
      : undefined,
});

const QUEUE_AGE = createCellReader({
  kind: 'queue',
  name: 'oldest job',
  table: METRICS_TABLE,
  selector: { metricType: 'QUEUE_OLDEST_AGE' },
  groupBy: ['queue', 'queueScope'],
  aggregations: { maximum: VALUE_AGGREGATIONS.maximum },
  toSubject: ([queue, scope]) =>
    typeof queue === 'string'
      ? createSubject('queue', toQueueLabels(queue, scope), `Oldest job of queue ${queue}`, 'ms')
      : undefined,
});

/** Requests per minute. */
const REQUEST_RATE = createCellReader({
  kind: 'requestRate',
  name: 'request rate',
  table: METRICS_TABLE,
  selector: { metricType: 'API_RESPONSE_TIME' },
  groupBy: ['service'],
  aggregations: { count: COUNT },
  combine: sum,
  mergeParts: sum,
  toSubject: ([service]) =>
    typeof service === 'string'
      ? createSubject('requestRate', { service }, `Requests of ${service}`, '1/min')
      : undefined,
  toValue: ([count], stepMs) => (count! * 60_000) / stepMs,
});

/** The readers that read measurements. */
export const MEASUREMENT_READERS: readonly SubjectReader[] = [
  DISK,
  HOST_MEMORY,
  HEAP,
  POOL,
  QUEUE_DEPTH,
  QUEUE_AGE,
  REQUEST_RATE,
];
