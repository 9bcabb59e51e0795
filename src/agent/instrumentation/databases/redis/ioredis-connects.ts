import { guard } from '../../../../core/guard.ts';
import { type Operation, startBackgroundOperation } from '../../context/operations.ts';
import { QueueOwnedField } from '../../context/unrecorded-commands.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import { observeMethod } from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { REDIS } from './redis-commands.ts';
import { getRedisErrorType } from './redis-errors.ts';

/** What fails, for {@link guard}. */
const PART = 'the ioredis connection metrics';

interface RedisOptions {
  host?: string;
  port?: number;
  path?: string;
  db?: number;
  sentinels?: unknown;
  name?: string;
}

interface ConnectingRedis {
  status?: string;
  manuallyClosing?: boolean;
  options: RedisOptions;
}

/** Field of a client that stores its running connection attempt. */
class ConnectField extends ExistingObject {
  #operation: Operation;

  private constructor(client: object, operation: Operation) {
    super(client);
    this.#operation = operation;
  }

  static get(client: object): Operation | undefined {
    return #operation in client && !client.#operation.ended ? client.#operation : undefined;
  }

  static set(client: object, operation: Operation): void {
    if (#operation in client) client.#operation = operation;
    else new ConnectField(client, operation);
  }
}

/** The close of a connection before it was ready. ioredis reports no error then. */
const CONNECTION_CLOSED = new Error('the server closed the connection before it was ready');

/**
 * Records each failed connection attempt of ioredis once. A client reports all errors through `silentEmit`, even without
 * a listener. A reconnect doesn't belong to the request that was current when it started.
 */
export function patchIoredisConnects(prototype: object, databases: DatabaseRecorder): void {
  const fail = (client: ConnectingRedis, errorType: string, error: unknown) => {
    const operation = ConnectField.get(client);
    if (!operation || client.manuallyClosing === true) return;
    const server = formatRedisServer(client.options);
    databases.endFailedConnect(operation, REDIS, { errorType, error, server });
  };
  observeMethod<ConnectingRedis>(PART, prototype, 'connect', {
    before: (client) => {
      if (isConnected(client) || QueueOwnedField.has(client.options)) return;
      ConnectField.set(client, startBackgroundOperation('connection'));
    },
  });
  observeMethod<ConnectingRedis>(PART, prototype, 'silentEmit', {
    before: (client, [event, error]) => {
      if (event === 'error') fail(client, getRedisErrorType(error), error);
    },
  });
  observeMethod<ConnectingRedis>(PART, prototype, 'setStatus', {
    before: (client, [status]) => {
      if (status === 'close' || status === 'end')
        fail(client, 'connection_closed', CONNECTION_CLOSED);
      const operation = ConnectField.get(client);
      if (operation && status !== 'connecting' && status !== 'connect') operation.ended = true;
    },
  });
}

/** `connect` then only throws an error. */
function isConnected({ status }: ConnectingRedis): boolean {
  return status === 'connecting' || status === 'connect' || status === 'ready';
}

/** Returns `host:port/database`, the path of a socket, or the name of a master. Contains no credentials. */
function formatRedisServer({ host, port, path, db, sentinels, name }: RedisOptions): string {
  const database = `/${db ?? 0}`;
  if (Array.isArray(sentinels)) return `${name ?? 'mymaster'}${database}`;
  return typeof path === 'string' ? path : `${host ?? 'localhost'}:${port ?? 6379}${database}`;
}
