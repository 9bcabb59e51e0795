import { guard } from '../../../../core/guard.ts';
import { type Operation, startBackgroundOperation } from '../../context/operations.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import { observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { REDIS } from './redis-commands.ts';
import { getRedisErrorType } from './redis-errors.ts';

/** What fails, for {@link guard}. */
const PART = 'the node-redis connection metrics';

/** Options of a client. A URL is already split into its parts. */
export interface NodeRedisOptions {
  readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string };
  readonly database?: number;
}

interface Attempt {
  readonly server: string;
  operation: Operation;
}

/** Field of a socket that stores its last connection attempt. */
class AttemptField extends ExistingObject {
  #attempt: Attempt;

  private constructor(socket: object, attempt: Attempt) {
    super(socket);
    this.#attempt = attempt;
  }

  static get(socket: object): Attempt | undefined {
    return #attempt in socket ? socket.#attempt : undefined;
  }

  static set(socket: object, attempt: Attempt): void {
    if (#attempt in socket) socket.#attempt = attempt;
    else new AttemptField(socket, attempt);
  }
}

/** The server of the client that is calling `connect` of its socket. */
let connectingServer: string | undefined;

/** Stores the client's server during `connect`, because the socket keeps its options private. */
export function patchNodeRedisClient(exports: unknown): void {
  const { prototype } = (exports as { default: { prototype: object } }).default;
  const getServer = guard(PART, ({ options }: { options?: NodeRedisOptions }) =>
    formatNodeRedisServer(options),
  );
  wrapMethod(prototype, 'connect', (original) => {
    return function connect(this: object, ...args: unknown[]) {
      const outer = connectingServer;
      connectingServer = getServer(this);
      try {
        return original.apply(this, args);
      } finally {
        connectingServer = outer;
      }
    };
  });
}

/**
 * Records each failed connection attempt of node-redis once. A socket emits `reconnecting` before each attempt, and
 * `error` after each failure.
 */
export function patchNodeRedisSocket(exports: unknown, databases: DatabaseRecorder): void {
  const { prototype } = (exports as { default: { prototype: object } }).default;
  const restart = (socket: object, server: string) =>
    AttemptField.set(socket, { server, operation: startBackgroundOperation('connection') });
  observeMethod<{ isOpen?: boolean }>(PART, prototype, 'connect', {
    before: (socket) => {
      if (socket.isOpen !== true) restart(socket, connectingServer ?? formatNodeRedisServer());
    },
  });
  // The class gets its own `emit`, because the inherited one belongs to all emitters.
  observeMethod<object>(PART, prototype, 'emit', {
    before: (socket, [event, error]) => {
      const attempt = AttemptField.get(socket);
      if (!attempt) return;
      const { operation, server } = attempt;
      if (event === 'reconnecting') restart(socket, server);
      else if (event === 'ready') operation.ended = true;
      else if (event === 'error') {
        const errorType = getRedisErrorType(error);
        databases.endFailedConnect(operation, REDIS, { errorType, error, server });
      }
    },
  });
}

/** Returns `host:port/database`, or the path of a Unix socket. Contains no credentials. */
export function formatNodeRedisServer({ socket, database }: NodeRedisOptions = {}): string {
  if (typeof socket?.path === 'string') return socket.path;
  return `${socket?.host ?? 'localhost'}:${socket?.port ?? 6379}/${database ?? 0}`;
}
