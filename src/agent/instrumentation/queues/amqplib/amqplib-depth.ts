import type { QueueReading, QueueSource } from '../queue-gauges.ts';
import { ConnectionScopeField } from './amqplib-connections.ts';

/** A passive declaration is a round trip, so the server is asked at most this often about a queue. */
const MIN_INTERVAL_MS = 10_000;
/** A missing queue is an error in the server's log, so the server is asked at most this often. */
const MISSING_INTERVAL_MS = 600_000;
const NOT_FOUND = 404;
/** Maximum number of queues of a virtual host whose depth is read. */
const MAX_QUEUES = 100;

/** A channel that only the agent uses. */
interface OwnChannel {
  on(event: string, listener: () => void): void;
  allocate(): void;
  _rpc(
    method: number,
    fields: object,
    expect: number,
    callback: (error: unknown, frame?: { fields: DeclaredQueue }) => void,
  ): void;
}

interface DeclaredQueue {
  readonly messageCount: number;
  readonly consumerCount: number;
}

/** A connection of amqplib, below the API with promises or callbacks. */
export interface AmqpConnection {
  /** Whether the connection is closed. */
  readonly expectSocketClose?: boolean;
}

/** The parts of amqplib that the depth needs. */
export interface AmqpClasses {
  readonly BaseChannel: new (connection: AmqpConnection) => OwnChannel;
  /** Numbers of the methods of the protocol. */
  readonly defs: Readonly<
    Record<'ChannelOpen' | 'ChannelOpenOk' | 'QueueDeclare' | 'QueueDeclareOk', number>
  >;
}

/** Result of a method: a frame or an error. */
interface Response {
  readonly error?: unknown;
  readonly frame?: { readonly fields: DeclaredQueue } | undefined;
}

interface KnownQueue {
  /** When the queue is read again. Time from `performance.now()`. */
  dueMs: number;
  reading: QueueReading | undefined;
}

/**
 * Reads the depth of RabbitMQ's queues with passive declarations. If a queue is missing, the server closes the channel, so
 * the agent uses a separate channel on the application's connection. It is opened with the first read.
 */
export class AmqpDepth implements QueueSource<AmqpConnection> {
  readonly system = 'rabbitmq';
  readonly #queues = new Map<string, Map<string, KnownQueue>>();
  readonly #channels = new WeakMap<AmqpConnection, Promise<OwnChannel | undefined>>();
  readonly #getClasses: () => AmqpClasses | undefined;

  /** @param getClasses returns undefined until the library is loaded */
  constructor(getClasses: () => AmqpClasses | undefined) {
    this.#getClasses = getClasses;
  }

  /** Adds a queue of a virtual host. Does nothing if there are too many. */
  addQueue(scope: string, name: string): void {
    let queues = this.#queues.get(scope);
    if (queues?.has(name)) return;
    if (queues === undefined) {
      if (this.#queues.size >= MAX_QUEUES) return;
      queues = new Map();
      this.#queues.set(scope, queues);
    }
    if (queues.size >= MAX_QUEUES) return;
    queues.set(name, { dueMs: 0, reading: undefined });
  }

  isOpen({ expectSocketClose }: AmqpConnection): boolean {
    return expectSocketClose !== true;
  }

  forget(scope: string): void {
    this.#queues.delete(scope);
  }

  async read(connection: AmqpConnection, scope: string): Promise<readonly QueueReading[]> {
    const queues = [...(this.#queues.get(scope) ?? [])];
    const nowMs = performance.now();
    const due = queues.filter(([, { dueMs }]) => dueMs <= nowMs);
    for (const [, queue] of due) queue.dueMs = nowMs + MIN_INTERVAL_MS;
    for (const [name, queue] of due) {
      const { error, frame } = await this.#declare(connection, name);
      queue.reading = frame && toReading(name, ConnectionScopeField.get(connection), frame.fields);
      const { code } = (error ?? {}) as { code?: unknown };
      if (code === NOT_FOUND) queue.dueMs = nowMs + MISSING_INTERVAL_MS;
      else if (frame === undefined) queue.dueMs = 0;
    }
    return queues.flatMap(([, { reading }]) => reading ?? []);
  }

  async #declare(connection: AmqpConnection, queue: string): Promise<Response> {
    const classes = this.#getClasses();
    const channel = classes && (await this.#getChannel(connection, classes));
    if (channel === undefined) {
      this.#channels.delete(connection);
      return {};
    }
    const { QueueDeclare, QueueDeclareOk } = classes!.defs;
    const flags = { durable: false, exclusive: false, autoDelete: false, nowait: false };
    const fields = { ticket: 0, queue, passive: true, ...flags, arguments: {} };
    const response = await callServer(channel, QueueDeclare, fields, QueueDeclareOk);
    if (response.frame === undefined) this.#channels.delete(connection);
    return response;
  }

  #getChannel(connection: AmqpConnection, classes: AmqpClasses): Promise<OwnChannel | undefined> {
    let opened = this.#channels.get(connection);
    if (opened === undefined) {
      opened = openChannel(connection, classes);
      this.#channels.set(connection, opened);
    }
    return opened;
  }
}

/** Opens a channel, or returns undefined if the connection is closed or has no free channel. */
async function openChannel(
  connection: AmqpConnection,
  { BaseChannel, defs }: AmqpClasses,
): Promise<OwnChannel | undefined> {
  try {
    const channel = new BaseChannel(connection);
    // An `error` event without a listener would be an uncaught exception.
    channel.on('error', () => {});
    channel.allocate();
    const { ChannelOpen, ChannelOpenOk } = defs;
    const { frame } = await callServer(channel, ChannelOpen, { outOfBand: '' }, ChannelOpenOk);
    return frame && channel;
  } catch {
    return undefined;
  }
}

/** Sends a method, and returns the response of the server. Never rejects. */
function callServer(channel: OwnChannel, method: number, fields: object, expected: number) {
  return new Promise<Response>((resolve) => {
    try {
      channel._rpc(method, fields, expected, (error, frame) => {
        resolve(error === null ? { frame } : { error });
      });
    } catch (error) {
      resolve({ error });
    }
  });
}

/** The age of the oldest message is known only if the queue is empty. */
function toReading(name: string, scope: string, fields: DeclaredQueue): QueueReading {
  const { messageCount, consumerCount: workers } = fields;
  const age = messageCount === 0 ? { oldestAgeSeconds: 0 } : {};
  return { name, scope, counts: new Map([['waiting', messageCount]]), workers, ...age };
}
