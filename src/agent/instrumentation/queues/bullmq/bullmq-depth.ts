import type { JobTransition } from '../../../../core/schema/tables/queue-metrics-table.ts';
import type { QueueSource } from '../queue-gauges.ts';
import { type RedisQueueClient, readRedisQueue } from '../redis-queue-reader.ts';
import { getQueueScope } from '../redis-queue-scope.ts';
import {
  computeOldestMs,
  parseQueueReading,
  QUEUE_DEPTH_SCRIPT,
  resolveReadyTimes,
} from './bullmq-depth-script.ts';
import { selectAccepted, type UnconfirmedJobs } from './unconfirmed-jobs.ts';

/** The parts of a queue or worker of BullMQ or Bull that are used. */
export interface DepthQueue {
  name: string;
  toKey(type: string): string;
  clientName(): string;
  closing?: unknown;
}

/** A `Queue` or `Worker` of BullMQ. */
export interface BullmqQueue extends DepthQueue {
  client?: Promise<RedisQueueClient>;
  backend?: { client?: Promise<RedisQueueClient> };
}

export interface BullDepthOptions<T extends DepthQueue> {
  /** Value of `messaging.system`. */
  system: string;
  /** States that the library doesn't have. */
  missingStates?: ReadonlySet<string>;
  /** Returns the client of a queue, or undefined if the queue has not created it. */
  getClient: (queue: T) => Promise<RedisQueueClient> | RedisQueueClient | undefined;
  /** Jobs to look for in the next poll of their queue. */
  unconfirmedJobs: UnconfirmedJobs;
  /** Receives the first row of each unconfirmed job that Redis accepted. */
  onAccepted: (row: JobTransition) => void;
}

/** Creates the part that reads the depth of the queues of BullMQ or Bull, with one round trip per queue. */
export function createBullDepth<T extends DepthQueue>({
  system,
  missingStates,
  getClient,
  unconfirmedJobs,
  onAccepted,
}: BullDepthOptions<T>): QueueSource<T> {
  /** When the waiting jobs without a certain ready time became ready, by queue. In ms since the epoch. */
  const readyTimesByQueue = new Map<string, ReadonlyMap<string, number>>();

  const readScript = async (queue: T, jobIds: readonly string[], knownJobs: readonly string[]) => {
    const client = await getClient(queue);
    const args = [String(jobIds.length), ...jobIds, ...knownJobs];
    const name = queue.clientName();
    const result = await readRedisQueue(client, QUEUE_DEPTH_SCRIPT, queue.toKey(''), args, name);
    return result && { ...parseQueueReading(result.reply, missingStates), workers: result.workers };
  };

  const readAndConfirm = async (queue: T, key: string, knownJobs: readonly string[]) => {
    const rows = unconfirmedJobs.take(key);
    const reading = await readScript(queue, [...rows.keys()], knownJobs).catch(() => undefined);
    if (!reading) unconfirmedJobs.restore(key, rows);
    else for (const row of selectAccepted(rows, reading.createdMs)) onAccepted(row);
    return reading;
  };

  return {
    system,
    isOpen: ({ closing }) => !closing,
    forget: (key) => readyTimesByQueue.delete(key),
    async read(queue, key) {
      const known = readyTimesByQueue.get(key) ?? new Map<string, number>();
      const reading = await readAndConfirm(queue, key, [...known.keys()]);
      if (!reading) return undefined;
      const readyTimes = resolveReadyTimes(reading, known, Date.now());
      readyTimesByQueue.set(key, readyTimes);
      const oldestMs = computeOldestMs(reading, readyTimes);
      const oldestAgeSeconds =
        oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs) / 1000;
      const { counts, workers } = reading;
      return [{ name: queue.name, scope: getQueueScope(queue), counts, oldestAgeSeconds, workers }];
    },
  };
}

/** Whether an object can run commands. `QueueEvents` always blocks its only connection. */
export function canRunCommands(queue: object): queue is BullmqQueue {
  const { add, callProcessJob } = queue as { add?: unknown; callProcessJob?: unknown };
  return typeof add === 'function' || typeof callProcessJob === 'function';
}
