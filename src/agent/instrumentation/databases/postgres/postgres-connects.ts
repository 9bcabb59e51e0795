import { guard } from '../../../../core/guard.ts';
import {
  endOperation,
  type Operation,
  startInnerOperation,
  startOperation,
} from '../../context/operations.ts';
import { QueueOwnedField } from '../../context/unrecorded-commands.ts';
import { wrapMethod } from '../../loading/method-patching.ts';
import type { FailedConnect } from '../database-recorder.ts';
import { getDatabaseErrorType, readErrorProperty } from '../error-types.ts';

/** What fails, for {@link guard}. */
const PART = 'the PostgreSQL connection metrics';

/** Names a PostgreSQL server and its database. */
export interface PostgresAddress {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
}

/** Value of `db.system.name`. */
export const POSTGRESQL = 'postgresql';

/** Called for each failed attempt. */
export type OnFailedConnect = (operation: Operation, failure: FailedConnect) => void;

interface ConnectingClient extends PostgresAddress {
  _connectionTimeoutMillis?: number;
}

let connectingPools = 0;
/** Whether a queue library owns the pool that connects. */
let isQueueOwnedPool = false;

/**
 * Runs `connect` for a pool. Its caller already waits for the pool, so the attempt isn't another wait. If a queue library
 * owns the pool, the new client is marked.
 */
export function connectForPool<T>(options: object | undefined, connect: () => T): T {
  const wasOwned = isQueueOwnedPool;
  isQueueOwnedPool = QueueOwnedField.has(options);
  connectingPools += 1;
  try {
    return connect();
  } finally {
    connectingPools -= 1;
    isQueueOwnedPool = wasOwned;
  }
}

type ConnectCallback = (this: unknown, ...results: unknown[]) => unknown;

/**
 * Reports each failed connection attempt of a client class. `connect` passes a callback to `_connect`,
 * even if the application uses promises. Only this callback is wrapped, so promises, callbacks, and
 * unhandled rejections are unchanged.
 *
 * @param isIgnored whether a client belongs to Perfscope
 */
export function patchConnect(
  prototype: object,
  isIgnored: (client: object) => boolean,
  onFailure: OnFailedConnect,
): void {
  const end = guard(PART, (client: ConnectingClient, operation: Operation, error: unknown) => {
    const server = formatServer(client);
    if (!error || isReusedClient(error)) return endOperation(operation, server, Boolean(error));
    const errorType = getConnectErrorType(error, operation, client._connectionTimeoutMillis);
    onFailure(operation, { errorType, error, server });
  });
  const start = guard(PART, (client: ConnectingClient, callback: unknown) => {
    if (isQueueOwnedPool) QueueOwnedField.set(client);
    if (typeof callback !== 'function' || isIgnored(client)) return undefined;
    const operation =
      connectingPools > 0 ? startInnerOperation('connection') : startOperation('connection');
    const original = callback as ConnectCallback;
    return function (this: unknown, ...results: unknown[]) {
      end(client, operation, results[0]);
      return original.apply(this, results);
    };
  });
  wrapMethod(prototype, '_connect', (original) => {
    return function _connect(this: ConnectingClient, ...args: unknown[]) {
      const callback = start(this, args[0]);
      return original.apply(this, callback ? args.with(0, callback) : args);
    };
  });
}

/** Returns `host:port/database`, as the semantic conventions recommend for pool names. */
export function formatServer({ host, port, database }: PostgresAddress): string {
  return `${host ?? 'default'}:${port ?? 5432}/${database ?? ''}`;
}

/** Whether the application called `connect` a second time. The database isn't involved. */
function isReusedClient(error: unknown): boolean {
  return getMessage(error).startsWith('Client has already been connected');
}

/**
 * Messages of `pg` and libpq, whose errors have no code. SQLSTATEs are listed in
 * https://www.postgresql.org/docs/current/errcodes-appendix.html.
 */
const MESSAGE_TYPES: readonly (readonly [pattern: RegExp, errorType: string])[] = [
  [/timeout expired|due to connection timeout/, 'timeout'],
  [/: Connection refused/, 'ECONNREFUSED'],
  [/could not translate host name/, 'ENOTFOUND'],
  [/password authentication failed/, '28P01'],
  [/no pg_hba\.conf entry/, '28000'],
  [/database "[^"]{1,63}" does not exist/, '3D000'],
  [/too many clients already/, '53300'],
  [/the database system is starting up/, '57P03'],
];

/** Node.js rounds the times of timers, and the pool starts its timer before the client connects. */
const TIMER_TOLERANCE_MS = 2;

function getConnectErrorType(error: unknown, { startMs }: Operation, timeoutMs = 0): string {
  if (typeof readErrorProperty(error, 'code') === 'string') return getDatabaseErrorType(error);
  const message = getMessage(error);
  const known = MESSAGE_TYPES.find(([pattern]) => pattern.test(message));
  if (known) return known[1];
  // `pg-pool` closes the socket at its timeout, which is also the client's.
  const isTimeout = timeoutMs > 0 && performance.now() - startMs >= timeoutMs - TIMER_TOLERANCE_MS;
  return isTimeout && message.startsWith('Connection terminated')
    ? 'timeout'
    : getDatabaseErrorType(error);
}

function getMessage(error: unknown): string {
  const message = readErrorProperty(error, 'message');
  return typeof message === 'string' ? message : '';
}
