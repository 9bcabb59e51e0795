import type { IncomingMessage } from 'node:http';
import { guard } from '../../../core/guard.ts';
import { runWithScope } from '../context/tenant-context.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import type { Library } from '../loading/library.ts';
import { type Method, observeMethod, wrapMethod } from '../loading/method-patching.ts';
import { setEngineOwner, setEnginePath } from './engine-path.ts';
import { observeListeners } from './message-listeners.ts';
import { abortRuns, fail, hold, MessageRun, type MessageSource, release } from './message-run.ts';
import { ConnectionField, getByteLength, WebSocketConnection } from './websocket-connection.ts';
import type { CloseReason } from './websocket-metrics.ts';
import { getWebSocketMetrics } from './websocket-metrics.ts';

/** What fails, for {@link guard}. */
const PART = 'the Socket.IO instrumentation';

/**
 * Measures Socket.IO with each of its transports. Clients choose the names of events, so only an event with a listener is
 * an endpoint. Rooms and the IDs of sockets are never part of a name.
 */
export const SOCKET_IO: Library = {
  name: 'socket.io',
  category: 'rpc',
  versions: { from: '4.0.0', to: 4 },
  measured:
    'Handshakes, open connections, messages, and bytes, over WebSocket and long polling. The listeners of each event, until they have finished and acknowledged the event, are an endpoint with the method `WS`, such as `/chat message`.',
  limits:
    'Events that only `onAny` or a middleware handles are not endpoints. Before version 4.7, and for functions, all dynamic namespaces have one name. uWebSockets.js is not measured.',
  bundledMessages: ['ignore packet received after disconnection'],
  instrument: (context) => ({
    patches: {
      'dist/client.js': (exports) => patchClient(getClass(exports, 'Client'), context),
      'dist/socket.js': (exports) => patchSocket(getClass(exports, 'Socket')),
      'dist/typed-events.js': (exports) => patchEmitter(getClass(exports, 'StrictEventEmitter')),
      'dist/parent-namespace.js': (exports) => patchParent(getClass(exports, 'ParentNamespace')),
    },
  }),
};

/** The transports of Socket.IO. */
export const ENGINE_IO: Library = {
  name: 'engine.io',
  category: 'rpc',
  partOf: 'socket.io',
  versions: { from: '5.0.0', to: 6 },
  measured: 'For `engine.io`, only handshakes over WebSocket.',
  instrument: () => ({
    patches: {
      'lib/server.js': (exports) => patchEngine((exports as { prototype: object }).prototype),
      'build/server.js': (exports) => patchEngine(getClass(exports, 'Server')),
      'lib/socket.js': (exports) => patchEngineSocket((exports as { prototype: object }).prototype),
      'build/socket.js': (exports) => patchEngineSocket(getClass(exports, 'Socket')),
    },
  }),
};

function getClass(exports: unknown, name: string): object {
  return (exports as Record<string, { prototype: object }>)[name]!.prototype;
}

interface Engine {
  readonly ws?: object;
}

function patchEngine(prototype: object): void {
  observeMethod<Engine>(PART, prototype, 'init', {
    after: (engine) => setEngineOwner(engine.ws, engine),
  });
  observeMethod<Engine>(PART, prototype, 'attach', {
    before: (engine, [, options]) => {
      setEnginePath(engine, (options as { path?: unknown } | undefined)?.path);
      setEngineOwner(engine.ws, engine);
    },
  });
}

/** Counts the messages that a server sends. Broadcasts don't use the methods of sockets. */
function patchEngineSocket(prototype: object): void {
  const countSent = guard(PART, (socket: object, data: unknown) => {
    ConnectionField.get(socket)?.route.addSent(getByteLength(data));
  });
  // Runs for each message. Rest parameters would double the time.
  wrapMethod(prototype, 'sendPacket', (original) => {
    return function sendPacket(this: object, type, data, options, callback) {
      if (type === 'message') countSent(this, data);
      return original.call(this, type, data, options, callback);
    };
  });
}

/** A connection of a client, which several namespaces can share. */
interface Client {
  readonly conn: object;
  readonly request: IncomingMessage;
  readonly server: { path(): string };
}

/** Reasons of Engine.IO. The transport also closes if the client closes its tab. */
const CLOSE_REASONS: Readonly<Record<string, CloseReason>> = {
  'transport close': 'going_away',
  'ping timeout': 'abnormal',
  'transport error': 'error',
  'parse error': 'error',
  'server shutting down': 'going_away',
};

function patchClient(prototype: object, context: InstrumentationContext): void {
  const { requests } = context;
  observeMethod<Client>(PART, prototype, 'setup', {
    before: (client) => {
      const { request } = client;
      if (requests.isIgnored(request.url ?? '')) return;
      const route = getWebSocketMetrics(context).getRoute(client.server.path());
      const connection = new WebSocketConnection(request, route, requests);
      ConnectionField.set(client, connection);
      ConnectionField.set(client.conn, connection);
    },
  });
  const countReceived = guard(PART, (client: object, data: unknown) => {
    ConnectionField.get(client)?.route.addReceived(getByteLength(data));
  });
  wrapMethod(prototype, 'ondata', (original) => {
    return function ondata(this: object, data) {
      countReceived(this, data);
      return original.call(this, data);
    };
  });
  observeMethod<Client>(PART, prototype, 'onclose', {
    before: (client, [reason]) => {
      ConnectionField.get(client)?.close(CLOSE_REASONS[String(reason)] ?? 'normal');
    },
  });
}

/** A client in a namespace. */
interface Socket {
  readonly client: object;
  readonly nsp: object & { readonly name: string };
  listenerCount(event: unknown): number;
}

/** Stores the messages of a client in a namespace. The namespace can be left while the connection stays open. */
class SocketSourceField extends ExistingObject {
  readonly #source: MessageSource;

  private constructor(socket: object, source: MessageSource) {
    super(socket);
    this.#source = source;
  }

  static get(socket: object): MessageSource | undefined {
    return #source in socket ? socket.#source : undefined;
  }

  static getOrCreate(socket: Socket): MessageSource | undefined {
    if (#source in socket) return (socket as SocketSourceField).#source;
    const connection = ConnectionField.get(socket.client);
    if (connection === undefined) return undefined;
    const { recorder, tenant, scheme } = connection;
    const source = { recorder, tenant, scheme, pendingRuns: undefined };
    new SocketSourceField(socket, source);
    return source;
  }
}

function patchSocket(prototype: object): void {
  const start = guard(PART, (socket: Socket, event: readonly unknown[]) => {
    const [name] = event;
    if (typeof name !== 'string' || socket.listenerCount(name) === 0) return undefined;
    const source = SocketSourceField.getOrCreate(socket);
    return source && new MessageRun(`${getTemplate(socket.nsp)} ${name}`, source);
  });
  wrapMethod(prototype, 'dispatch', (original) => {
    return function dispatch(this: Socket, event) {
      const run = start(this, event);
      if (run === undefined) return original.call(this, event);
      observeAcknowledgement(event, run);
      return run.run(() => original.call(this, event));
    };
  });
  // A middleware has rejected the event.
  observeMethod<Socket>(PART, prototype, '_onerror', {
    before: (_socket, [error]) => {
      const run = MessageRun.getCurrent();
      if (run) fail(run, error);
    },
  });
  observeMethod<Socket>(PART, prototype, '_onclose', {
    before: (socket) => {
      const source = SocketSourceField.get(socket);
      if (source) abortRuns(source);
    },
  });
  wrapMethod(prototype, 'emitReserved', (original) => {
    return function emitReserved(this: Socket, ...args: unknown[]) {
      const tenant = ConnectionField.get(this.client)?.tenant;
      const emit = () => original.apply(this, args) as unknown;
      return tenant === undefined ? emit() : runWithScope({ tenant, holder: undefined }, emit);
    };
  });
  observeListeners(prototype, () => true);
}

/** Ends the message when its listener sends the acknowledgement. The last argument is a function only if the client expects one. */
const observeAcknowledgement = guard(PART, (event: unknown[], run: MessageRun) => {
  const acknowledge = event.at(-1);
  if (typeof acknowledge !== 'function') return;
  hold(run);
  let isSent = false;
  const observed: Method = function (this: unknown, ...args: unknown[]) {
    if (!isSent) {
      isSent = true;
      release(run);
    }
    return (acknowledge as Method).apply(this, args);
  };
  event[event.length - 1] = observed;
});

/** `dispatch` calls this method for the listeners of an event, after the middleware. */
function patchEmitter(prototype: object): void {
  wrapMethod(prototype, 'emitUntyped', (original) => {
    return function emitUntyped(this: unknown, ...args: unknown[]) {
      const emit = () => original.apply(this, args) as unknown;
      const run = getUnstartedRun();
      return run === undefined ? emit() : run.emit(emit);
    };
  });
}

const getUnstartedRun = guard(PART, () => {
  const run = MessageRun.getCurrent();
  return run?.isStarted === false ? run : undefined;
});

/** Stores the template of a namespace whose name a client has chosen. */
class NamespaceField extends ExistingObject {
  readonly #template: string;

  private constructor(namespace: object, template: string) {
    super(namespace);
    this.#template = template;
  }

  static get(namespace: object): string | undefined {
    return #template in namespace ? namespace.#template : undefined;
  }

  static set(namespace: object, template: string): void {
    if (!(#template in namespace)) new NamespaceField(namespace, template);
  }
}

const DYNAMIC_NAMESPACE = '(dynamic namespace)';

function getTemplate(namespace: Socket['nsp']): string {
  return NamespaceField.get(namespace) ?? namespace.name;
}

interface ParentNamespace {
  readonly server: { readonly parentNamespacesFromRegExp?: ReadonlyMap<RegExp, object> };
}

function patchParent(prototype: object): void {
  observeMethod<ParentNamespace>(PART, prototype, 'createChild', {
    after: (parent, namespace: object) => {
      const patterns = [...(parent.server.parentNamespacesFromRegExp ?? [])];
      const pattern = patterns.find(([, each]) => each === parent)?.[0];
      NamespaceField.set(namespace, pattern ? formatPattern(pattern) : DYNAMIC_NAMESPACE);
    },
  });
}

/** Returns the text of a pattern without anchors and escaped slashes, such as `/room-\d+`. */
function formatPattern({ source }: RegExp): string {
  return source.replace(/^\^|\$$/g, '').replaceAll('\\/', '/');
}
