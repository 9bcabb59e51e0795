import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { withTimeout } from '../../../core/concurrency.ts';
import { guard } from '../../../core/guard.ts';
import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import { ATTR_QUEUE_SCOPE } from '../../attribute-keys.ts';
import { runWithTenant } from '../context/tenant-context.ts';
import { runUnrecorded } from '../context/unrecorded-commands.ts';
import {
  computeOldestMs,
  parseQueueReading,
  QUEUE_DEPTH_SCRIPT,
  type QueueReading,
  resolveReadyTimes,
} from './queue-depth-script.ts';
import { getQueueScope, toQueueKey } from './queue-scope.ts';
import { selectAccepted, type UnconfirmedJobs } from './unconfirmed-jobs.ts';

/** What fails, for {@link guard}. */
const PART = 'the queue metrics';

/** If Redis does not respond in time, this collection has no values for the queue. */
const POLL_TIMEOUT_MS = 2000;

interface RedisClient {
  status: string;
  options?: { db?: unknown };
  pipeline(): {
    eval(script: string, keys: number, ...args: string[]): unknown;
    client(command: 'LIST'): unknown;
    exec(): Promise<[Error | null, unknown][]>;
  };
}

interface BullmqQueue {
  name: string;
  qualifiedName: string;
  toKey(type: string): string;
  clientName(): string;
  closing?: unknown;
  client?: Promise<RedisClient>;
  backend?: { client?: Promise<RedisClient> };
}

interface QueueDepth extends QueueReading {
  /** Number of connected workers, or undefined if unknown. */
  readonly workers: number | undefined;
}

/** Maximum number of objects to remember for each queue. */
const MAX_OBJECTS = 10;

/** A polled queue. */
interface PolledQueue {
  /** `Queue` and `Worker` objects. The first open one is polled, because an application can close each. */
  objects: readonly WeakRef<BullmqQueue>[];
  /** When the waiting jobs without a certain ready time became ready, in ms since the epoch. */
  readyTimes: ReadonlyMap<string, number>;
}

export interface QueueDepthOptions {
  meter: Meter;
  /** Called when a queue's Redis server becomes unreachable, or reachable again. */
  onReachabilityChange: (queue: string, reachable: boolean) => void;
  /** Jobs to look for in the next poll of their queue. */
  unconfirmedJobs: UnconfirmedJobs;
  /** Receives the first row of each unconfirmed job that Redis accepted. */
  onAccepted: (row: JobTransition) => void;
}

/**
 * Records the depth by state, the age of the oldest waiting job, and the number of workers for each
 * queue. It uses the application's own Redis connections, with one round trip per queue and
 * collection.
 *
 * @returns a function that adds a BullMQ `Queue` or `Worker`
 */
export function createQueueDepthMetrics({
  meter,
  onReachabilityChange,
  unconfirmedJobs,
  onAccepted,
}: QueueDepthOptions): (queue: object) => void {
  const queues = new Map<string, PolledQueue>();
  const unreachable = new Set<string>();
  const depth = meter.createObservableGauge('perfscope.queue.depth', {
    unit: '{job}',
    description: 'Jobs in a queue, by state.',
  });
  const age = meter.createObservableGauge('perfscope.queue.oldest.age', {
    unit: 's',
    description: 'Age of the oldest waiting job.',
  });
  const workers = meter.createObservableGauge('perfscope.queue.workers', {
    unit: '{worker}',
    description: 'Connected workers.',
  });

  const observe = (
    queue: BullmqQueue,
    queueDepth: QueueDepth,
    oldestMs: number | undefined,
    result: BatchObservableResult,
  ) => {
    const attributes = {
      'messaging.system': 'bullmq',
      'messaging.destination.name': queue.name,
      [ATTR_QUEUE_SCOPE]: getQueueScope(queue),
    };
    for (const [state, count] of queueDepth.counts) {
      result.observe(depth, count, { ...attributes, 'perfscope.job.state': state });
    }
    const ageSeconds = oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs) / 1000;
    result.observe(age, ageSeconds, attributes);
    if (queueDepth.workers !== undefined) {
      result.observe(workers, queueDepth.workers, attributes);
    }
  };

  const readAndConfirm = async (id: string, queue: BullmqQueue, knownJobs: string[]) => {
    const rows = unconfirmedJobs.take(id);
    const reading = withPollTimeout(readQueueDepth(queue, [...rows.keys()], knownJobs));
    const queueDepth = await reading.catch(() => undefined);
    if (!queueDepth) unconfirmedJobs.restore(id, rows);
    else {
      // A request can start the poll, but the jobs don't belong to its tenant.
      runWithTenant(undefined, () => {
        for (const row of selectAccepted(rows, queueDepth.createdMs)) onAccepted(row);
      });
    }
    return queueDepth;
  };

  const poll = guard(PART, async (id: string, result: BatchObservableResult) => {
    const polled = queues.get(id);
    const queue = polled && listOpen(polled)[0]?.deref();
    if (!polled || !queue) {
      queues.delete(id);
      unreachable.delete(id);
      return;
    }
    const queueDepth = await readAndConfirm(id, queue, [...polled.readyTimes.keys()]);
    if (queueDepth) {
      polled.readyTimes = resolveReadyTimes(queueDepth, polled.readyTimes, Date.now());
      observe(queue, queueDepth, computeOldestMs(queueDepth, polled.readyTimes), result);
    }
    const isReachable = queueDepth !== undefined;
    if (unreachable.has(id) === isReachable && !queue.closing) {
      if (isReachable) unreachable.delete(id);
      else unreachable.add(id);
      onReachabilityChange(queue.name, isReachable);
    }
  });
  meter.addBatchObservableCallback(
    guard(PART, async (result: BatchObservableResult) => {
      await Promise.all([...queues.keys()].map((id) => poll(id, result)));
    }),
    [depth, age, workers],
  );

  return (object) => {
    const queue = object as BullmqQueue & { add?: unknown; callProcessJob?: unknown };
    // QueueEvents always blocks its only connection, so it can't run other commands.
    const canRunCommands =
      typeof queue.add === 'function' || typeof queue.callProcessJob === 'function';
    if (!canRunCommands) return;
    const key = toQueueKey(queue);
    const polled = queues.get(key) ?? { objects: [], readyTimes: new Map() };
    queues.set(key, polled);
    const open = listOpen(polled);
    const isNew = open.length < MAX_OBJECTS && open.every((ref) => ref.deref() !== queue);
    polled.objects = isNew ? [...open, new WeakRef(queue)] : open;
  };
}

function listOpen({ objects }: PolledQueue): WeakRef<BullmqQueue>[] {
  return objects.filter((ref) => {
    const queue = ref.deref();
    return queue !== undefined && !queue.closing;
  });
}

/**
 * Reads a queue in one round trip.
 *
 * @param jobIds jobs whose creation times are read
 * @param knownJobs jobs for which no event is needed. See {@link resolveReadyTimes}.
 */
async function readQueueDepth(
  queue: BullmqQueue,
  jobIds: readonly string[],
  knownJobs: readonly string[],
): Promise<QueueDepth | undefined> {
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

function withPollTimeout<T>(work: Promise<T>): Promise<T | undefined> {
  return withTimeout(POLL_TIMEOUT_MS, work, () => undefined, { keepAlive: false });
}
