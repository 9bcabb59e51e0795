import { runUnrecorded } from '../../context/unrecorded-commands.ts';
import type { QueueSource } from '../queue-gauges.ts';
import { waitUntilConnected } from '../redis-queue-reader.ts';
import { getQueueScope } from '../redis-queue-scope.ts';

/** A client of `redis` 3 or ioredis. */
export interface BeeQueueClient {
  /** Whether the client of `redis` 3 is connected. */
  ready?: boolean;
  /** State of a client of ioredis. */
  status?: string;
  eval(
    ...args: [script: string, keys: number, key: string, done: (error: unknown, r: unknown) => void]
  ): unknown;
}

interface DepthQueue {
  readonly name: string;
  readonly client: BeeQueueClient | null;
  /** Whether the queue is closing. */
  readonly paused: boolean;
  toKey(type: string): string;
}

/** The job that will be started next. It has waited longest, because jobs are added at the other end of the list. */
interface FirstJob {
  /** Job ID and number of failed attempts. */
  readonly key: string;
  readonly readyMs: number;
}

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/**
 * Lua script that returns the depth by state, and the first waiting job. The fields of the job are its ID, the number of
 * failed attempts, the creation time, and the end of the delay.
 *
 * KEYS[1]: prefix of the queue's keys.
 */
const DEPTH_SCRIPT = `
local p = KEYS[1]
local id = redis.call('LINDEX', p .. 'waiting', -1)
local first = {}
if id then
  local data = redis.call('HGET', p .. 'jobs', id)
  local ok, job = pcall(cjson.decode, data or '')
  local o = ok and type(job) == 'table' and job.options
  if type(o) == 'table' then
    local number = function(value) return string.format('%.0f', tonumber(value) or 0) end
    first = { id, number(type(o.stacktraces) == 'table' and #o.stacktraces), number(o.timestamp), number(o.delay) }
  end
end
return {
  redis.call('LLEN', p .. 'waiting'), redis.call('LLEN', p .. 'active'),
  redis.call('ZCARD', p .. 'delayed'), redis.call('SCARD', p .. 'failed'), first
}`;

/** Creates the part that reads the depth of the queues of bee-queue. */
export function createBeeQueueDepth<T extends DepthQueue>(): QueueSource<T> {
  /** The first waiting job of each queue at the last poll. */
  const firstJobs = new Map<string, FirstJob>();

  return {
    system: 'bee-queue',
    isOpen: ({ paused }) => !paused,
    forget: (key) => firstJobs.delete(key),
    async read(queue, key) {
      const isReady = () => queue.client?.ready === true || queue.client?.status === 'ready';
      if (!(await waitUntilConnected(isReady)) || !queue.client) return undefined;
      const { client } = queue;
      const reply = (await evaluate(client, queue.toKey(''))) as unknown[];
      const counts = new Map(STATES.map((state, i) => [state, Number(reply[i])]));
      const job = findFirstJob(reply[STATES.length] as string[], firstJobs.get(key));
      if (job) firstJobs.set(key, job);
      else firstJobs.delete(key);
      const oldestAgeSeconds = job ? Math.max(0, Date.now() - job.readyMs) / 1000 : 0;
      return [{ name: queue.name, scope: getQueueScope(queue), counts, oldestAgeSeconds }];
    },
  };
}

function evaluate(client: BeeQueueClient, key: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = (error: unknown, reply: unknown) =>
      error ? reject(error as Error) : resolve(reply);
    runUnrecorded(() => client.eval(DEPTH_SCRIPT, 1, key, done));
  });
}

/** Redis doesn't store when a failed job became ready again. Its age counts from the first poll that found it. */
function findFirstJob(fields: readonly string[], known: FirstJob | undefined) {
  const [id, failed, created, due] = fields;
  if (id === undefined) return undefined;
  const key = `${id}:${failed}`;
  if (known?.key === key) return known;
  const readyMs = failed === '0' ? Math.max(Number(created), Number(due)) : Date.now();
  return { key, readyMs };
}
