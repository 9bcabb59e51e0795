import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { guard } from '../../../core/guard.ts';
import { runWithScope } from '../context/tenant-context.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import type { Library } from '../loading/library.ts';
import { type Method, wrapMethod } from '../loading/method-patching.ts';
import { setUpgradeListener } from '../requests/upgrade-route.ts';
import { getEnginePath } from './engine-path.ts';
import { observeListeners } from './message-listeners.ts';
import { MessageRun } from './message-run.ts';
import { ConnectionField, getByteLength, WebSocketConnection } from './websocket-connection.ts';
import { HandshakeField, startHandshake } from './websocket-handshake.ts';
import { getCloseReason, getWebSocketMetrics } from './websocket-metrics.ts';

/** What fails, for {@link guard}. */
const PART = 'the ws instrumentation';
/** Route of a server that accepts each path. */
const ANY_PATH = '/*';

/**
 * Measures the servers of `ws`. A server's connections are marked when their handshake is complete, so clients in the
 * same process aren't measured. The handler of a message is measured like a request.
 */
export const WS: Library = {
  name: 'ws',
  category: 'rpc',
  versions: { from: '7.0.0', to: 8 },
  measured:
    'Handshakes, open connections, messages, and bytes of each server, by its `path` option. The listeners of each message, with their promises, are an endpoint with the method `WS`.',
  limits:
    'Handshakes that the application rejects before it calls `handleUpgrade` are not measured. The promises of listeners that `once` adds are not awaited.',
  bundledMessages: ['server.handleUpgrade() was called more than once with the same '],
  instrument: (context) => {
    const patch = createPatches(context);
    return {
      patches: {
        'lib/websocket-server.js': (exports) => patch(exports, undefined),
        'lib/websocket.js': (exports) => patch(undefined, exports),
      },
      modules: {
        'wrapper.mjs': {
          names: ['WebSocketServer', 'WebSocket'],
          patch: ({ WebSocketServer, WebSocket }) => patch(WebSocketServer, WebSocket),
        },
      },
    };
  },
};

/** Routes of the servers in the package `@fastify/websocket`. */
export const FASTIFY_WEBSOCKET: Library = {
  name: '@fastify/websocket',
  category: 'rpc',
  versions: { from: '10.0.0', to: 11 },
  through: ['ws'],
  measured:
    'The same data as for `ws`, by the route template of Fastify. Rejections by hooks are handshakes too.',
  limits: 'A request for an unknown route is a rejected handshake with the name `(not found)`.',
  // The hook for `require` misses its only file if an ES module imports it.
  instrument: () => ({ modules: { 'index.js': { names: ['module'], patch: () => {} } } }),
};

/** Classes that were loaded with `require` and `import`. */
const patchedClasses = new WeakSet<object>();

/** Returns a function that patches the classes once. */
function createPatches(
  context: InstrumentationContext,
): (server: unknown, socket: unknown) => void {
  const { requests } = context;
  const start = (request: IncomingMessage, socket: Duplex, findName: () => string) => {
    if (requests.isIgnored(request.url ?? '')) return;
    startHandshake(request, socket, () => getWebSocketMetrics(context).getRoute(findName()));
  };
  setUpgradeListener(
    guard(PART, (request: IncomingMessage, route: string) => {
      start(request, request.socket, () => route);
    }),
  );
  const receive = guard(PART, (server: object, request: IncomingMessage, socket: Duplex) => {
    start(request, socket, () => findRoute(server));
  });
  const accept = guard(PART, (server: object, webSocket: object, request: IncomingMessage) => {
    const handshake = HandshakeField.get(request);
    if (handshake === undefined) return undefined;
    handshake.complete(101);
    // Socket.IO has its own connections and messages.
    if (getEnginePath(server) !== undefined) return undefined;
    const connection = new WebSocketConnection(request, handshake.route, requests);
    ConnectionField.set(webSocket, connection);
    return connection;
  });

  const patchServer = (prototype: object) => {
    wrapMethod(prototype, 'handleUpgrade', (original) => {
      return function handleUpgrade(this: object, request, socket, head, callback) {
        receive(this, request, socket);
        return original.call(this, request, socket, head, callback);
      };
    });
    // The number of parameters depends on the version. The last one is the callback.
    wrapMethod(prototype, 'completeUpgrade', (original) => {
      return function completeUpgrade(this: object, ...args: unknown[]) {
        const callback = args.at(-1);
        if (typeof callback !== 'function') return original.apply(this, args);
        const observed: Method = (webSocket: object, request: IncomingMessage) => {
          const connection = accept(this, webSocket, request);
          const run = () => (callback as Method)(webSocket, request);
          return connection ? runWithScope(toScope(connection), run) : run();
        };
        return original.apply(this, args.with(-1, observed));
      };
    });
  };

  return (server, socket) => {
    getWebSocketMetrics(context);
    for (const [exported, patchPrototype] of [
      [server, patchServer],
      [socket, patchSocket],
    ] as const) {
      if (exported === undefined) continue;
      const { prototype } = exported as { prototype: object };
      if (patchedClasses.has(prototype)) continue;
      patchPrototype(prototype);
      patchedClasses.add(prototype);
    }
  };
}

/** A URL is never a name. */
function findRoute(server: object): string {
  const { path } = (server as { options?: { path?: unknown } }).options ?? {};
  return getEnginePath(server) ?? (typeof path === 'string' && path !== '' ? path : ANY_PATH);
}

function toScope({ tenant }: WebSocketConnection) {
  return { tenant, holder: undefined };
}

interface WebSocketInternals {
  listenerCount(event: string): number;
  /** Whether the socket belongs to a server. */
  readonly _isServer?: boolean;
  readonly readyState: number;
}

const OPEN = 1;

function patchSocket(prototype: object): void {
  const startMessage = guard(
    PART,
    (connection: WebSocketConnection, socket: WebSocketInternals, data: unknown) => {
      connection.route.addReceived(getByteLength(data));
      return socket.listenerCount('message') > 0
        ? new MessageRun(`${connection.route.name} message`, connection)
        : undefined;
    },
  );
  const close = guard(PART, (connection: WebSocketConnection, code: unknown) => {
    connection.close(connection.hasError ? 'error' : getCloseReason(code));
  });
  const countSent = guard(PART, (socket: WebSocketInternals, data: unknown) => {
    const connection = ConnectionField.get(socket);
    if (connection !== undefined && socket.readyState === OPEN)
      connection.route.addSent(
        typeof data === 'number' ? String(data).length : getByteLength(data),
      );
  });

  wrapMethod(prototype, 'emit', (original) => {
    return function emit(this: WebSocketInternals, event, ...args) {
      const connection = ConnectionField.get(this);
      const emitEvent = () => original.call(this, event, ...args) as unknown;
      if (connection === undefined) return emitEvent();
      if (event === 'message') {
        const run = startMessage(connection, this, args[0]);
        return run === undefined ? emitEvent() : run.emit(emitEvent);
      }
      if (event === 'error') connection.hasError = true;
      if (event !== 'close') return emitEvent();
      close(connection, args[0]);
      return runWithScope(toScope(connection), emitEvent);
    };
  });
  wrapMethod(prototype, 'send', (original) => {
    return function send(this: WebSocketInternals, data, options, callback) {
      countSent(this, data);
      return original.call(this, data, options, callback);
    };
  });
  observeListeners(
    prototype,
    (socket, event) => event === 'message' && (socket as WebSocketInternals)._isServer === true,
  );
}
