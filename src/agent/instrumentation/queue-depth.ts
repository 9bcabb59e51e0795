import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { withTimeout } from '../../core/concurrency.ts';
import { guard } from '../../core/guard.ts';

/** What fails, for {@link guard}. */
const PART = 'the queue metrics';

/** If Redis does not respond in time, this collection has no values for the queue. */
const POLL_TIMEOUT_MS = 2000;

/**
 * Lua script that returns the depth by state, and the time at which the oldest waiting job became
 * ready. It reads both ends of each list, because jobs can be added at both ends. Prioritized jobs
 * are sorted by priority, so it reads the first 100.
 */
const QUEUE_DEPTH_SCRIPT = `
local p = KEYS[1]
local function ready_since(id)
  if not id or id:sub(1, 2) == '0:' then return nil end
  local job = redis.call('HMGET', p .. id, 'timestamp', 'delay')
  return job[1] and tonumber(job[1]) + (tonumber(job[2]) or 0) or nil
end
local oldest
local function update_oldest(id)
  local ms = ready_since(id)
  if ms and (not oldest or ms < oldest) then oldest = ms end
end
for _, list in ipairs({ 'wait', 'paused' }) do
  update_oldest(redis.call('LINDEX', p .. list, -1))
  update_oldest(redis.call('LINDEX', p .. list, 0))
end
for _, id in ipairs(redis.call('ZRANGE', p .. 'prioritized', 0, 99)) do update_oldest(id) end
return {
  redis.call('LLEN', p .. 'wait'), redis.call('LLEN', p .. 'paused'),
  redis.call('LLEN', p .. 'active'), redis.call('ZCARD', p .. 'delayed'),
  redis.call('ZCARD', p .. 'prioritized'), redis.call('ZCARD', p .. 'waiting-children'),
  redis.call('ZCARD', p .. 'failed'), oldest and tostring(oldest) or ''
}`;
const QUEUE_STATES = [
  'waiting',
  'paused',
  'active',
  'delayed',
  'prioritized',
  'waiting-children',
  'failed',
] as const;

interface RedisClient {
  status: string;
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

interface QueueDepth {
  counts: Map<string, number>;
  /** When the oldest waiting job became ready, in ms since the epoch. */
  oldestMs: number | undefined;
  /** Number of connected workers, or undefined if unknown. */
  workers: number | undefined;
}

export interface QueueDepthOptions {
  meter: Meter;
  /** Called when a queue's Redis server becomes unreachable, or reachable again. */
  onReachabilityChange: (queue: string, reachable: boolean) => void;
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
}: QueueDepthOptions): (queue: object) => void {
  const queues = new Map<string, WeakRef<BullmqQueue>>();
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

  const observe = (queue: BullmqQueue, queueDepth: QueueDepth, result: BatchObservableResult) => {
    const attributes = { 'messaging.system': 'bullmq', 'messaging.destination.name': queue.name };
    for (const [state, count] of queueDepth.counts) {
      result.observe(depth, count, { ...attributes, 'perfscope.job.state': state });
    }
    const { oldestMs } = queueDepth;
    const ageSeconds = oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs) / 1000;
    result.observe(age, ageSeconds, attributes);
    if (queueDepth.workers !== undefined) {
      result.observe(workers, queueDepth.workers, attributes);
    }
  };

  const poll = guard(PART, async (id: string, result: BatchObservableResult) => {
    const queue = queues.get(id)?.deref();
    if (!queue || queue.closing) {
      queues.delete(id);
      unreachable.delete(id);
      return;
    }
    const queueDepth = await withPollTimeout(readQueueDepth(queue)).catch(() => undefined);
    if (queueDepth) observe(queue, queueDepth, result);
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
    const existing = queues.get(queue.qualifiedName)?.deref();
    if (canRunCommands && (!existing || existing.closing))
      queues.set(queue.qualifiedName, new WeakRef(queue));
  };
}

async function readQueueDepth(queue: BullmqQueue): Promise<QueueDepth | undefined> {
  const client = await (queue.backend?.client ?? queue.client);
  // A disconnected client would queue the commands of every poll.
  if (client?.status !== 'ready') return undefined;
  const pipeline = client.pipeline();
  pipeline.eval(QUEUE_DEPTH_SCRIPT, 1, queue.toKey(''));
  pipeline.client('LIST');
  const [depthResult, clientList] = await pipeline.exec();
  if (!depthResult || depthResult[0]) return undefined;
  const values = depthResult[1] as (number | string)[];
  const oldest = values[QUEUE_STATES.length];
  return {
    counts: new Map(QUEUE_STATES.map((state, i) => [state, Number(values[i])])),
    oldestMs: oldest === '' ? undefined : Number(oldest),
    // Some managed Redis servers don't allow CLIENT LIST.
    workers:
      clientList && !clientList[0]
        ? countWorkers(String(clientList[1]), queue.clientName())
        : undefined,
  };
}

/** Counts connections with the queue's client name, with or without an added worker name. */
function countWorkers(clientList: string, clientName: string): number {
  const names = [...clientList.matchAll(/\bname=(\S*)/g)].map(([, name]) => name ?? '');
  return names.filter((name) => name === clientName || name.startsWith(`${clientName}:w:`)).length;
}

function withPollTimeout<T>(work: Promise<T>): Promise<T | undefined> {
  return withTimeout(POLL_TIMEOUT_MS, work, () => undefined, { keepAlive: false });
}
