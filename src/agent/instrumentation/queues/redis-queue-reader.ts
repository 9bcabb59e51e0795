import { delay } from '../../../core/delay.ts';
import { runUnrecorded } from '../context/unrecorded-commands.ts';

/** The parts of a client of ioredis, or of BullMQ's wrapper of another client, that are used. */
export interface RedisQueueClient {
  status: string;
  options?: { db?: unknown; database?: unknown };
  isCluster?: boolean;
  /** Nodes of a cluster. */
  nodes?(role: 'master' | 'all'): RedisQueueClient[];
  /** The client of node-redis that BullMQ wraps. */
  raw?: { sendCommand?(args: readonly string[]): Promise<unknown> };
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  client(command: 'LIST'): Promise<unknown>;
  pipeline(): {
    eval(script: string, keys: number, ...args: string[]): unknown;
    client(command: 'LIST'): unknown;
    exec(): Promise<[Error | null, unknown][]>;
  };
}

export interface RedisQueueReading {
  /** Result of the script. */
  readonly reply: unknown;
  /** Number of connected workers, or undefined if unknown. */
  readonly workers: number | undefined;
}

type Replies = readonly [script: unknown, clientLists: readonly unknown[] | undefined];

/**
 * Runs a script with one key, and counts the connections of workers, in one round trip.
 *
 * @param clientName name of the connections of workers
 * @returns undefined if the client isn't connected
 */
export async function readRedisQueue(
  client: RedisQueueClient | undefined,
  script: string,
  key: string,
  args: readonly string[],
  clientName: string,
): Promise<RedisQueueReading | undefined> {
  if (!client || !(await waitUntilConnected(() => isConnected(client)))) return undefined;
  const read = getReader(client);
  const [reply, lists] = await runUnrecorded(() => read(client, script, [key, ...args]));
  if (reply === undefined) return undefined;
  const db = isCluster(client) ? 0 : (client.options?.db ?? client.options?.database ?? 0);
  // Each worker of a cluster has a connection to several nodes.
  const counts = lists?.map((list) => countWorkers(String(list), clientName, db));
  return { reply, workers: counts && Math.max(0, ...counts) };
}

function isConnected(client: RedisQueueClient): boolean {
  return client.status === 'ready' || (isCluster(client) && client.status === 'connect');
}

/** How long to wait for a connection, and how often it is checked. */
const CONNECT_TIMEOUT_MS = 1500;
const CONNECT_CHECK_MS = 100;

/**
 * Waits shortly for a connection, because a queue is often read while its client connects. Adds no listeners to the client. A
 * command on a disconnected client would wait, and the commands of all polls would add up.
 *
 * @returns whether the client is connected
 */
export async function waitUntilConnected(isConnectedNow: () => boolean): Promise<boolean> {
  for (let ms = 0; ms < CONNECT_TIMEOUT_MS && !isConnectedNow(); ms += CONNECT_CHECK_MS) {
    await delay(CONNECT_CHECK_MS, { keepAlive: false });
  }
  return isConnectedNow();
}

function isCluster({ isCluster: value, nodes }: RedisQueueClient): boolean {
  return value === true && typeof nodes === 'function';
}

function getReader(client: RedisQueueClient) {
  if (isCluster(client)) return readCluster;
  return typeof client.raw?.sendCommand === 'function' ? readNodeRedis : readServer;
}

async function readServer(
  client: RedisQueueClient,
  script: string,
  args: string[],
): Promise<Replies> {
  const pipeline = client.pipeline();
  pipeline.eval(script, 1, ...args);
  pipeline.client('LIST');
  const [reply, list] = await pipeline.exec();
  // Some managed Redis servers don't allow CLIENT LIST.
  return [reply?.[0] ? undefined : reply?.[1], list && !list[0] ? [list[1]] : undefined];
}

/** Sends the script to the node of its key, and CLIENT LIST to each master. */
async function readCluster(
  client: RedisQueueClient,
  script: string,
  args: string[],
): Promise<Replies> {
  const lists = client.nodes?.('master').map((node) => node.client('LIST')) ?? [];
  const [reply, clients] = await Promise.all([
    client.eval(script, 1, ...args).catch(() => undefined),
    Promise.all(lists).catch(() => undefined),
  ]);
  return [reply, clients];
}

async function readNodeRedis(
  { raw }: RedisQueueClient,
  script: string,
  args: string[],
): Promise<Replies> {
  const send = async (command: readonly string[]) =>
    raw?.sendCommand?.(command).catch(() => undefined);
  const [reply, list] = await Promise.all([
    send(['EVAL', script, '1', ...args]),
    send(['CLIENT', 'LIST']),
  ]);
  return [reply, list === undefined ? undefined : [list]];
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
