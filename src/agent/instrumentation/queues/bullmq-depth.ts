import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import { runUnrecorded } from '../context/unrecorded-commands.ts';
import {
  computeOldestMs,
  parseQueueReading,
  QUEUE_DEPTH_SCRIPT,
  resolveReadyTimes,
  type ScriptReading,
} from './bullmq-depth-script.ts';
import type { QueueSource } from './queue-gauges.ts';
import { getQueueScope } from './redis-queue-scope.ts';
import { selectAccepted, type UnconfirmedJobs } from './unconfirmed-jobs.ts';

interface RedisClient {
  status: string;
  options?: { db?: unknown };
  pipeline(): {
    eval(script: string, keys: number, ...args: string[]): unknown;
    client(command: 'LIST'): unknown;
    exec(): Promise<[Error | null, unknown][]>;
  };
}

/** The parts of a BullMQ `Queue` or `Worker` that are used. */
export interface BullmqQueue {
  name: string;
  qualifiedName: string;
  toKey(type: string): string;
  clientName(): string;
  closing?: unknown;
  client?: Promise<RedisClient>;
  backend?: { client?: Promise<RedisClient> };
}

export interface BullmqDepthOptions {
  /** Jobs to look for in the next poll of their queue. */
  unconfirmedJobs: UnconfirmedJobs;
  /** Receives the first row of each unconfirmed job that Redis accepted. */
  onAccepted: (row: JobTransition) => void;
}

/** Creates the part that reads the depth of BullMQ's queues, with one round trip per queue. */
export function createBullmqDepth({
  unconfirmedJobs,
  onAccepted,
}: BullmqDepthOptions): QueueSource<BullmqQueue> {
  /** When the waiting jobs without a certain ready time became ready, by queue. In ms since the epoch. */
  const readyTimesByQueue = new Map<string, ReadonlyMap<string, number>>();

  const readAndConfirm = async (queue: BullmqQueue, key: string, knownJobs: readonly string[]) => {
    const rows = unconfirmedJobs.take(key);
    const reading = await readScript(queue, [...rows.keys()], knownJobs).catch(() => undefined);
    if (!reading) unconfirmedJobs.restore(key, rows);
    else for (const row of selectAccepted(rows, reading.createdMs)) onAccepted(row);
    return reading;
  };

  return {
    system: 'bullmq',
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

interface BullmqReading extends ScriptReading {
  /** Number of connected workers, or undefined if unknown. */
  readonly workers: number | undefined;
}

/**
 * Reads a queue in one round trip.
 *
 * @param jobIds jobs whose creation times are read
 * @param knownJobs jobs for which no event is needed. See {@link resolveReadyTimes}.
 */
async function readScript(
  queue: BullmqQueue,
  jobIds: readonly string[],
  knownJobs: readonly string[],
): Promise<BullmqReading | undefined> {
  const client = await (queue.backend?.client ?? queue.client);
  // A disconnected client would queue the commands of every poll.
  if (client?.status !== 'ready') return undefined;
  const pipeline = client.pipeline();
  const args = [String(jobIds.length), ...jobIds, ...knownJobs];
  pipeline.eval(QUEUE_DEPTH_SCRIPT, 1, queue.toKey(''), ...args);
  pipeline.client('LIST');
  const [depthResult, clientList] = await runUnrecorded(() => pipeline.exec());
  if (!depthResult || depthResult[0]) return undefined;
  return {
    ...parseQueueReading(depthResult[1]),
    // Some managed Redis servers don't allow CLIENT LIST.
    workers:
      clientList && !clientList[0]
        ? countWorkers(String(clientList[1]), queue.clientName(), client.options?.db)
        : undefined,
  };
}

/**
 * Counts connections to the queue's database with the queue's client name, with or without an added
 * worker name.
 */
export function countWorkers(clientList: string, clientName: string, db: unknown = 0): number {
  return clientList.split('\n').filter((line) => {
    const name = /\bname=(\S*)/.exec(line)?.[1] ?? '';
    const isWorker = name === clientName || name.startsWith(`${clientName}:w:`);
    return isWorker && (/\bdb=(\d+)/.exec(line)?.[1] ?? String(db)) === String(db);
  }).length;
}
