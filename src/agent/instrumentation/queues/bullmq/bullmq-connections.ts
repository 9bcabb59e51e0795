import { guard } from '../../../../core/guard.ts';
import {
  QueueKeysField,
  QueueOwnedField,
  runUnrecorded,
} from '../../context/unrecorded-commands.ts';
import { observeMethod, wrapMethod } from '../../loading/method-patching.ts';

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
