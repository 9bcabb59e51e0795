import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { guard } from '../../../../core/guard.ts';
import { runRequest } from '../../context/tenant-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import { isSupportedVersion, type LoadedFile } from '../../loading/library.ts';
import { type Method, observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { GRPC_METHOD } from '../../requests/request-protocol.ts';
import { getRequestState, type RequestState } from '../../requests/request-state.ts';

/** What fails, for {@link guard}. */
const PART = 'the gRPC server instrumentation';
/** Name of all calls whose method isn't registered. */
const UNKNOWN_METHOD = '(unknown method)';
/** Interceptors can be nested. */
const MAX_INTERCEPTORS = 100;

/** Versions that turn errors of all handlers into a status. In older versions, streaming handlers can end the process. */
const CATCHES_ALL_ERRORS = { from: '1.10.0', to: 1 };
/** Kinds of handlers with a single request message. All versions catch their errors. */
const CAUGHT_TYPES = new Set<unknown>(['unary', 'serverStream']);
/** Kinds of handlers with a callback for the response. */
const CALLBACK_TYPES = new Set<unknown>(['unary', 'clientStream']);

interface GrpcServer {
  readonly handlers: ReadonlyMap<unknown, { readonly type: unknown }>;
}

/** The library's object for a call, with the stream in one of the nested calls. */
interface GrpcCall {
  readonly call?: GrpcCall;
  readonly nextCall?: GrpcCall;
  readonly stream?: ServerHttp2Stream;
}

/** Stores the request of a call that the application gets. */
class CallStateField extends ExistingObject {
  readonly #state: RequestState;

  private constructor(call: object, state: RequestState) {
    super(call);
    this.#state = state;
  }

  static get(call: object): RequestState | undefined {
    return #state in call ? call.#state : undefined;
  }

  static set(call: object, state: RequestState): void {
    if (!(#state in call)) new CallStateField(call, state);
  }
}

/** Patches `build/src/server.js`. */
export function patchServer(exports: unknown, { version }: LoadedFile): void {
  const { prototype } = (exports as { Server: { prototype: object } }).Server;
  // Newer versions pass interceptors before the stream.
  for (const name of ['_streamHandler', '_channelzHandler']) {
    observeMethod<GrpcServer>(PART, prototype, name, {
      before: (server, args) => {
        const start = Array.isArray(args[0]) ? 1 : 0;
        const [stream, headers] = args.slice(start) as [ServerHttp2Stream, IncomingHttpHeaders];
        startCall(server, stream, headers);
      },
    });
  }
  const catchesAll = isSupportedVersion(version, CATCHES_ALL_ERRORS);
  const observe = guard(PART, (handler: unknown, type: unknown) =>
    typeof handler === 'function'
      ? observeHandler(handler as Method, type, catchesAll || CAUGHT_TYPES.has(type))
      : handler,
  );
  wrapMethod(prototype, 'register', (original) => {
    return function register(this: unknown, name, handler, serialize, deserialize, type) {
      const observed: unknown = observe(handler, type) ?? handler;
      return original.call(this, name, observed, serialize, deserialize, type);
    };
  });
}

/** Turns the HTTP/2 request of a stream into a call. A request with another content type remains a request of HTTP. */
function startCall(
  { handlers }: GrpcServer,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): void {
  const state = getRequestState(stream);
  if (state === undefined || !headers['content-type']?.startsWith('application/grpc')) return;
  const path = headers[':path'] ?? '';
  const type = handlers.get(path)?.type;
  state.method = GRPC_METHOD;
  state.route = type === undefined ? UNKNOWN_METHOD : path.slice(1);
  state.call = {
    protocol: 'grpc',
    isStream: type !== undefined && type !== 'unary',
    timeoutMs: parseTimeout(headers['grpc-timeout']),
  };
}

const TIMEOUT_UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Parses `grpc-timeout` (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
function parseTimeout(header: unknown): number | undefined {
  const [, number, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(header)) ?? [];
  return number === undefined ? undefined : Number(number) * TIMEOUT_UNITS_MS[unit]!;
}

const findState = guard(PART, (call: GrpcCall): RequestState | undefined => {
  let inner: GrpcCall | undefined = call.call;
  for (let i = 0; inner !== undefined && inner.stream === undefined && i < MAX_INTERCEPTORS; i++) {
    inner = inner.nextCall;
  }
  const state = inner?.stream && getRequestState(inner.stream);
  if (state) CallStateField.set(call, state);
  return state;
});

const storeError = guard(PART, (state: RequestState, error: unknown) => {
  // A status without a stack, such as `{ code: 5 }`, says nothing about the cause.
  if (error instanceof Error) state.thrown ??= error;
});

/**
 * Returns a handler that runs in the context of its request, because the stream's events can belong to another context.
 *
 * @param canCatch whether the library catches errors of the handler. To catch and rethrow other errors would change
 * the text that Node.js prints.
 */
function observeHandler(handler: Method, type: unknown, canCatch: boolean): Method {
  const hasCallback = CALLBACK_TYPES.has(type);
  return function (this: unknown, call, callback, ...rest) {
    const state = findState(call as GrpcCall);
    if (state === undefined) return handler.call(this, call, callback, ...rest);
    const respond = hasCallback ? observeCallback(state, callback as Method) : callback;
    return runRequest(state, () => {
      if (!canCatch) return handler.call(this, call, respond, ...rest);
      try {
        return handler.call(this, call, respond, ...rest);
      } catch (error) {
        storeError(state, error);
        throw error;
      }
    });
  };
}

function observeCallback(state: RequestState, callback: Method): Method {
  return function (this: unknown, error, value, trailer, flags) {
    if (error) storeError(state, error);
    return callback.call(this, error, value, trailer, flags);
  };
}

/** Patches `build/src/server-call.js`. */
export function patchServerCalls(exports: unknown): void {
  const classes = exports as Record<string, { prototype: object }>;
  // Messages arrive in the context of the connection.
  for (const name of ['ServerReadableStreamImpl', 'ServerDuplexStreamImpl']) {
    wrapMethod(classes[name]!.prototype, 'push', (original) => {
      return function push(this: object, chunk, encoding) {
        const state = CallStateField.get(this);
        return state === undefined || state.ended
          ? original.call(this, chunk, encoding)
          : runRequest(state, () => original.call(this, chunk, encoding));
      };
    });
  }
  for (const name of ['ServerWritableStreamImpl', 'ServerDuplexStreamImpl']) {
    observeMethod<object>(PART, classes[name]!.prototype, 'emit', {
      before: (call, [event, error]) => {
        if (event !== 'error') return;
        const state = CallStateField.get(call);
        if (state !== undefined) storeError(state, error);
      },
    });
  }
}
