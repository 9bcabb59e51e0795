import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { endOperation, startOperation } from '../context/operations.ts';
import { QueueKeysField, QueueOwnedField, runUnrecorded } from '../context/unrecorded-commands.ts';
import { observeMethod, observePromise, wrapMethod } from '../loading/method-patching.ts';

/** What fails, for {@link guard}. */
const PART = 'the BullMQ instrumentation';

/** A client of ioredis, or BullMQ's wrapper of another client. */
interface RedisClient {
  readonly options?: object;
  readonly scriptsSet?: Readonly<Record<string, { readonly Command?: object }>>;
}

interface RedisConnection {
  readonly _client?: RedisClient;
  readonly extraOptions?: { readonly shared?: boolean };
  readonly packageVersion?: string;
}

/** A queue that can share a client with the application. */
interface SharingQueue {
  readonly opts?: { readonly connection?: RedisClient };
  readonly toKey?: (type: string) => string;
}

/** A `Queue`, or a `FlowProducer`, which has no name. */
interface Producer {
  readonly name?: string;
}

/**
 * Records the calls of methods that add jobs as queue operations of the current request.
 *
 * @param names methods that return a promise. Missing methods are ignored.
 */
export function recordQueueOperations(prototype: object, names: readonly string[]): void {
  const start = guard(PART, (producer: Producer, args: readonly unknown[]) => {
    const operation = startOperation('queue');
    const name = producer.name ?? getFlowQueue(args[0]);
    return { operation, name };
  });
  const end = guard(PART, (call: ReturnType<typeof start>, failed: boolean) => {
    if (call) endOperation(call.operation, call.name, failed);
  });
  for (const name of names.filter((each) => each in prototype)) {
    wrapMethod(prototype, name, (original) => {
      return function (this: Producer, ...args: unknown[]) {
        const call = start(this, args);
        let isReturned = false;
        let result: unknown;
        // With `catch`, Node.js would print another source line for an uncaught error.
        try {
          result = original.apply(this, args);
          isReturned = true;
        } finally {
          if (!isReturned) end(call, true);
        }
        if (!call) return result;
        if (!types.isPromise(result)) {
          end(call, false);
          return result;
        }
        return observePromise(
          result,
          () => end(call, false),
          () => end(call, true),
        );
      };
    });
  }
}

/** Returns the queue of a flow, or of the first of several flows. */
function getFlowQueue(flows: unknown): string {
  const flow = (Array.isArray(flows) ? flows[0] : flows) as { queueName?: unknown } | undefined;
  return String(flow?.queueName ?? '');
}

/**
 * Marks the connections that BullMQ creates, and its scripts on connections that it shares with the application. Their
 * commands are not recorded as commands of the application.
 */
export function markQueueConnections(prototype: object): void {
  const markConnection = guard(PART, ({ _client, extraOptions }: RedisConnection) => {
    if (extraOptions?.shared !== true && _client?.options) QueueOwnedField.set(_client.options);
  });
  // The client exists after the synchronous part of `init`.
  wrapMethod(prototype, 'init', (original) => {
    return function init(this: RedisConnection, ...args: unknown[]) {
      const result = original.apply(this, args);
      markConnection(this);
      return result;
    };
  });
  observeMethod<RedisConnection>(PART, prototype, 'loadCommands', {
    after: ({ _client }) => {
      for (const [name, script] of Object.entries(_client?.scriptsSet ?? {})) {
        // The name of BullMQ's scripts ends with its version.
        if (/:\d+\.\d+\.\d+/.test(name) && script.Command) QueueOwnedField.set(script.Command);
      }
    },
  });
  // BullMQ reads the version of the server with INFO.
  for (const name of ['getRedisVersionAndType', 'getRedisVersion']) {
    if (!(name in prototype)) continue;
    wrapMethod(prototype, name, (original) => {
      return function (this: unknown, ...args: unknown[]) {
        return runUnrecorded(() => original.apply(this, args));
      };
    });
  }
}

/** Marks the keys of a queue on the client that the queue shares with the application, if there is one. */
export function markSharedKeys(queue: SharingQueue): void {
  const { connection } = queue.opts ?? {};
  // Connection options have no methods.
  const isClient = typeof (connection as { duplicate?: unknown } | undefined)?.duplicate;
  if (isClient !== 'function' || !connection?.options || !queue.toKey) return;
  QueueKeysField.add(connection.options, queue.toKey(''));
}
