import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { withTimeout } from '../../core/concurrency.ts';

/** Longest time in ms that a poll may take; a Redis that hangs is left alone for this round. */
const POLL_TIMEOUT_MS = 2000;

/**
 * Depth by state, and the moment since which the oldest job waits, in one answer. Lists are looked at
 * from both ends (jobs may be added at either); of the prioritized, which are sorted by priority, the
 * first hundred.
 */
const QUEUE_DEPTH_SCRIPT = `
local p = KEYS[1]
local function ready(id)
  if not id or id:sub(1, 2) == '0:' then return nil end
  local job = redis.call('HMGET', p .. id, 'timestamp', 'delay')
  return job[1] and tonumber(job[1]) + (tonumber(job[2]) or 0) or nil
end
local oldest
local function look(id)
  local ms = ready(id)
  if ms and (not oldest or ms < oldest) then oldest = ms end
end
for _, list in ipairs({ 'wait', 'paused' }) do
  look(redis.call('LINDEX', p .. list, -1))
  look(redis.call('LINDEX', p .. list, 0))
end
for _, id in ipairs(redis.call('ZRANGE', p .. 'prioritized', 0, 99)) do look(id) end
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
  /** Since when the oldest job waits, in ms since the epoch. */
  oldestMs: number | undefined;
  workers: number | undefined;
}

export interface QueueDepthOptions {
  meter: Meter;
  /** Told of each change: whether a queue's Redis answers. */
  onReachabilityChange: (queue: string, reachable: boolean) => void;
}

/**
 * Measures the queues that the application knows, over its own connections, one round trip for each
 * queue and collection: depth by state, age of the oldest waiting job, workers alive.
 *
 * @returns what adds a Queue or a Worker of BullMQ
 */
export function createQueueDepthMetrics({
  meter,
  onReachabilityChange: onReachable,
}: QueueDepthOptions): (queue: object) => void {
  const queues = new Map<string, WeakRef<BullmqQueue>>();
  const away = new Set<string>();
  const depth = meter.createObservableGauge('perfscope.queue.depth', {
    unit: '{job}',
    description: 'Jobs of a queue by state.',
  });
  const age = meter.createObservableGauge('perfscope.queue.oldest.age', {
    unit: 's',
    description: 'Age of the oldest job that waits.',
  });
  const workers = meter.createObservableGauge('perfscope.queue.workers', {
    unit: '{worker}',
    description: 'Workers that are connected.',
  });

  const observe = (queue: BullmqQueue, found: QueueDepth, result: BatchObservableResult) => {
    const name = { 'messaging.system': 'bullmq', 'messaging.destination.name': queue.name };
    for (const [state, count] of found.counts) {
      result.observe(depth, count, { ...name, 'perfscope.job.state': state });
    }
    const { oldestMs } = found;
    result.observe(
      age,
      oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs) / 1000,
      name,
    );
    if (found.workers !== undefined) result.observe(workers, found.workers, name);
  };

  const poll = async (id: string, result: BatchObservableResult) => {
    const queue = queues.get(id)?.deref();
    if (!queue || queue.closing) {
      queues.delete(id);
      away.delete(id);
      return;
    }
    const found = await withPollTimeout(readQueueDepth(queue)).catch(() => undefined);
    if (found) observe(queue, found, result);
    if (away.has(id) !== (found === undefined) && !queue.closing) {
      if (found) away.delete(id);
      else away.add(id);
      onReachable(queue.name, found !== undefined);
    }
  };
  meter.addBatchObservableCallback(
    async (result) => {
      await Promise.all([...queues.keys()].map((id) => poll(id, result)));
    },
    [depth, age, workers],
  );

  return (object) => {
    const queue = object as BullmqQueue & { add?: unknown; callProcessJob?: unknown };
    // QueueEvents waits on its one connection all the time: nothing can be asked over it.
    const canBeAsked =
      typeof queue.add === 'function' || typeof queue.callProcessJob === 'function';
    const known = queues.get(queue.qualifiedName)?.deref();
    if (canBeAsked && (!known || known.closing))
      queues.set(queue.qualifiedName, new WeakRef(queue));
  };
}

async function readQueueDepth(queue: BullmqQueue): Promise<QueueDepth | undefined> {
  const client = await (queue.backend?.client ?? queue.client);
  // A client that is not connected would keep the commands for later, poll after poll.
  if (client?.status !== 'ready') return undefined;
  const pipeline = client.pipeline();
  pipeline.eval(QUEUE_DEPTH_SCRIPT, 1, queue.toKey(''));
  pipeline.client('LIST');
  const [counted, listed] = await pipeline.exec();
  if (!counted || counted[0]) return undefined;
  const answer = counted[1] as (number | string)[];
  const oldest = answer[QUEUE_STATES.length];
  return {
    counts: new Map(QUEUE_STATES.map((state, i) => [state, Number(answer[i])])),
    oldestMs: oldest === '' ? undefined : Number(oldest),
    // Some managed servers refuse CLIENT LIST: then it is not known.
    workers: listed && !listed[0] ? countWorkers(String(listed[1]), queue.clientName()) : undefined,
  };
}

/** Workers name their connection after the queue, and may add a name of their own. */
function countWorkers(list: string, clientName: string): number {
  const names = [...list.matchAll(/\bname=(\S*)/g)].map(([, name]) => name ?? '');
  return names.filter((name) => name === clientName || name.startsWith(`${clientName}:w:`)).length;
}

function withPollTimeout<T>(work: Promise<T>): Promise<T | undefined> {
  return withTimeout(POLL_TIMEOUT_MS, work, () => undefined, { keepAlive: false });
}
