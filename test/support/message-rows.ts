import { UNLISTED_JOBS_METRIC } from '../../src/core/queue-metric-names.ts';
import type { LineProtocolRow } from './parse-line-protocol.ts';

/** Numbers of state transitions of a queue, in rows and without rows. */
export interface QueueCounts {
  arrived: number;
  started: number;
  completed: number;
  failed: number;
  /** Failed attempts of messages that are delivered again. */
  retried: number;
}

/** Adds up the state transitions of each queue whose name starts with `prefix`, by the rest of its name. */
export function countQueueTransitions(
  rows: readonly LineProtocolRow[],
  prefix: string,
): Record<string, QueueCounts> {
  const counts: Record<string, QueueCounts> = {};
  const add = (queue: string, name: keyof QueueCounts, count: number) => {
    const short = queue.startsWith(prefix) ? queue.slice(prefix.length) : queue;
    counts[short] ??= { arrived: 0, started: 0, completed: 0, failed: 0, retried: 0 };
    counts[short][name] += count;
  };
  const states: Record<string, keyof QueueCounts> = {
    waiting: 'arrived',
    active: 'started',
    completed: 'completed',
    failed: 'failed',
    retried: 'retried',
  };
  const listed = new Set<string>();
  const isKnown = createIdCheck();
  for (const { table, columns } of rows) {
    if (table === 'queue_metrics') {
      const { queue_name: queue = '', queue_scope, job_id, status = '', timestamp } = columns;
      // QuestDB stores rows with the same key once.
      const key = [queue, queue_scope, job_id, status, timestamp].join('\n');
      if (timestamp !== undefined && listed.has(key)) continue;
      listed.add(key);
      const isRetry = status === 'waiting' && columns.duration !== undefined;
      add(queue, isRetry ? 'retried' : states[status]!, 1);
      continue;
    }
    if (table !== 'performance_metrics' || columns.name !== UNLISTED_JOBS_METRIC) continue;
    if (!isKnown(columns.id)) {
      add(columns.endpoint ?? '', states[columns.operation ?? '']!, Number(columns.count));
    }
  }
  return counts;
}

/** Adds up the processed messages in the histogram of the processing time, by the name of the queue. */
export function countProcessed(
  rows: readonly LineProtocolRow[],
  metric = 'messaging.process.duration',
): Record<string, number> {
  const counts: Record<string, number> = {};
  const isKnown = createIdCheck();
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.name !== metric) continue;
    if (isKnown(columns.id)) continue;
    const { endpoint = '' } = columns;
    counts[endpoint] = (counts[endpoint] ?? 0) + Number(columns.count);
  }
  return counts;
}

/** Returns the last value of a gauge for a queue. */
export function findLastGauge(
  rows: readonly LineProtocolRow[],
  metric: string,
  queue: string,
): number | undefined {
  const row = rows.findLast(({ columns }) => columns.name === metric && columns.endpoint === queue);
  return row && Number(row.columns.value);
}

/** An interval can be sent again with the same ID. QuestDB stores it once. */
function createIdCheck(): (id: string | undefined) => boolean {
  const ids = new Set<string>();
  return (id) => {
    if (id === undefined) return false;
    const isKnown = ids.has(id);
    ids.add(id);
    return isKnown;
  };
}
