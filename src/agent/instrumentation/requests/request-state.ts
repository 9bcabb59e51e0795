import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { guard } from '../../../core/guard.ts';
import { toHttpMethod } from '../../../core/otel/mapping/http-methods.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { markEvent } from '../context/event-loop-blocks.ts';
import { openStallObserver } from '../context/event-loop-stalls.ts';
import { getCurrentScope, type TenantHolder } from '../context/tenant-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import { callOnClose } from './close-listener.ts';
import { type EndReason, findEndReason } from './connection-close.ts';

/**
 * Open requests of a connection. With pipelining, there can be more than one open request. The
 * requests form a linked list from newest to oldest, because adding short-lived objects to a
 * long-lived Set and removing them costs microseconds.
 */
export class OpenRequests {
  #newest: RequestState | undefined;
  /** Whether {@link OpenConnections} contains the connection. */
  isListed = true;

  get isEmpty(): boolean {
    return this.#newest === undefined;
  }

  add(state: RequestState): void {
    const newest = this.#newest;
    if (newest !== undefined && !newest.ended) state.previous = newest;
    this.#newest = state;
  }

  /** Unlinks a finished request. Otherwise, a connection that is never idle would leak memory. */
  remove(state: RequestState): void {
    if (this.#newest === state) this.#newest = state.previous;
    else {
      for (let later = this.#newest; later !== undefined; later = later.previous) {
        if (later.previous === state) later.previous = state.previous;
      }
    }
    state.previous = undefined;
  }

  /** Returns the open requests, oldest first. */
  all(): RequestState[] {
    const states: RequestState[] = [];
    for (let state = this.#newest; state !== undefined; state = state.previous) states.push(state);
    return states.reverse();
  }
}

/** Stores the open requests of a socket. */
class SocketField extends ExistingObject {
  readonly #openRequests: OpenRequests;

  private constructor(socket: object, openRequests: OpenRequests) {
    super(socket);
    this.#openRequests = openRequests;
  }

  static get(socket: object): OpenRequests | undefined {
    return #openRequests in socket ? socket.#openRequests : undefined;
  }

  static set(socket: object, openRequests: OpenRequests): void {
    new SocketField(socket, openRequests);
  }
}

const MIN_MAX_CONNECTIONS = 1000;

/** The connections of this process that have received a request. */
export class OpenConnections {
  readonly #connections = new Set<OpenRequests>();
  /** Number of connections at which the idle ones are removed. */
  #maxSize = MIN_MAX_CONNECTIONS;
  readonly #complete: (state: RequestState, reason: EndReason) => void;

  constructor(complete: (state: RequestState, reason: EndReason) => void) {
    this.#complete = complete;
  }

  /**
   * Returns the open requests of a connection. If the connection closes first, its open requests are
   * completed. This needs one listener per connection, and none on the application's
   * responses.
   */
  getOpenRequests(socket: Socket): OpenRequests {
    const existing = SocketField.get(socket);
    if (existing !== undefined) {
      if (!existing.isListed) this.#list(existing);
      return existing;
    }
    const openRequests = new OpenRequests();
    SocketField.set(socket, openRequests);
    this.#list(openRequests);
    const onClose = guard('the request metrics', () => {
      this.#connections.delete(openRequests);
      for (const state of openRequests.all()) {
        if (state.response) this.#complete(state, findEndReason(socket, state.response));
      }
    });
    callOnClose(socket, onClose);
    return openRequests;
  }

  /** Number of connections in memory. */
  get size(): number {
    return this.#connections.size;
  }

  /**
   * Also removes the idle connections if there are many. When a connection changes to another protocol, such
   * as WebSocket, Node.js removes its listeners, so the end of the connection isn't noticed.
   */
  #list(openRequests: OpenRequests): void {
    openRequests.isListed = true;
    this.#connections.add(openRequests);
    if (this.#connections.size <= this.#maxSize) return;
    for (const each of this.#connections) {
      if (each === openRequests || !each.isEmpty) continue;
      each.isListed = false;
      this.#connections.delete(each);
    }
    this.#maxSize = Math.max(MIN_MAX_CONNECTIONS, 2 * this.#connections.size);
  }

  /** Completes all open requests, because the process ends. */
  completeAll(): void {
    for (const openRequests of this.#connections) {
      for (const state of openRequests.all()) {
        this.#complete(state, state.response?.writableFinished ? 'finished' : 'processEnded');
      }
    }
  }
}

/** A router that handles a request. */
export interface RouterFrame {
  readonly router: object;
  /** Route template of the path where the router is mounted. */
  readonly prefix: string;
  /** The URL that this prefix matched. */
  readonly baseUrl: string;
  /** The router that contains this one. */
  readonly outer: RouterFrame | undefined;
}

/** A gRPC call, or a message of a WebSocket, that is measured like a request. */
export interface ServedCall {
  readonly protocol: 'grpc' | 'websocket';
  /** Whether the call can stay open for any time, and is therefore measured as a stream. */
  readonly isStream: boolean;
  /** Time after which the client no longer waits, in ms. Undefined if there is no limit. */
  readonly timeoutMs?: number | undefined;
}

/** State of a request in progress. */
export interface RequestState extends TenantHolder {
  /** HTTP method, or `_OTHER` if the semantic conventions don't list it. Other protocols have a fixed text. */
  method: string;
  /** The call of another protocol. Undefined for HTTP. */
  call: ServedCall | undefined;
  readonly scheme: 'http' | 'https';
  /** The request, for its headers. */
  request: { readonly headers: IncomingMessage['headers'] };
  /** The response of an HTTP/1 request. */
  response: ServerResponse | undefined;
  /** Time of the first byte of the response from `performance.now()`, or 0. */
  firstByteMs: number;
  /** Whether the path of the request is configured as a stream, or belongs to long polling. */
  readonly isStreamRequest: boolean;
  /** Whether the response is an image or another small file, even if it has the headers of a download. */
  isSmallFile: boolean;
  /** Route template of the layer that handles the request. When the request ends, it can also be a name, see `nameRoute`. */
  route: string | undefined;
  /** Name of the GraphQL operation or tRPC procedure, which is added to the route. */
  operation: string | undefined;
  /** Returns the route template when the request ends, if the framework stores it in `routeOwner`. */
  readRoute: ((state: RequestState) => string | undefined) | undefined;
  /** The framework's object for the request, such as the context of Koa. */
  routeOwner: object | undefined;
  /** Whether a framework has received the request. */
  hasFramework: boolean;
  /** Path of the current layer that a router inside it gets as its prefix. */
  mountPath: string;
  /** The router that handles the request, if it is known. */
  router: RouterFrame | undefined;
  /** All open requests of the connection, including this one. */
  readonly openRequests: OpenRequests | undefined;
  /** The previous open request of the connection. */
  previous: RequestState | undefined;
  /** First value that a handler threw or passed to `next`, or `OperationErrors`. Later errors don't replace it. */
  thrown: unknown;
  /** Whether a handler failed after the headers were sent, or failed without changing the status. */
  hasFailedAfterHeaders: boolean;
  /** Whether the server called `close` of an HTTP/2 stream. */
  isClosedByServer: boolean;
}

/** Replaces the request in the state of a request that has ended. */
export const NO_REQUEST = { headers: {} } as const;

/** Returns a header, or undefined if the application has replaced the headers by a getter that throws. */
export function readHeader(
  { request }: Pick<RequestState, 'request'>,
  name: string,
): string | string[] | undefined {
  try {
    return request.headers[name];
  } catch {
    return undefined;
  }
}

/** Stores the state of a request. */
class RequestField extends ExistingObject {
  #state: RequestState;

  private constructor(request: object, state: RequestState) {
    super(request);
    this.#state = state;
  }

  static get(request: object): RequestState | undefined {
    return #state in request ? request.#state : undefined;
  }

  static set(request: object, state: RequestState): void {
    if (#state in request) request.#state = state;
    else new RequestField(request, state);
  }
}

/** The properties of a new request that its protocol determines. */
export type RequestStart = Pick<
  RequestState,
  'scheme' | 'request' | 'response' | 'openRequests' | 'isStreamRequest' | 'tenant'
> & { readonly method: string };

/**
 * Creates the state of a request, and stores it.
 *
 * @param key object that stores the state: an HTTP/1 request or an HTTP/2 stream
 */
export function createRequestState(key: object, start: RequestStart): RequestState {
  const state = createState(toHttpMethod(start.method), undefined, start);
  RequestField.set(key, state);
  return state;
}

/** Creates the state of a call that isn't an HTTP request, such as a message of a WebSocket. */
export function createCallState(call: ServedCall, start: RequestStart): RequestState {
  return createState(start.method, call, start);
}

function createState(
  method: string,
  call: ServedCall | undefined,
  start: RequestStart,
): RequestState {
  const state: RequestState = {
    method,
    call,
    scheme: start.scheme,
    request: start.request,
    response: start.response,
    startMs: performance.now(),
    firstByteMs: 0,
    isStreamRequest: start.isStreamRequest,
    isSmallFile: false,
    tenant: start.tenant,
    route: undefined,
    operation: undefined,
    readRoute: undefined,
    routeOwner: undefined,
    hasFramework: false,
    mountPath: '',
    router: undefined,
    isTenantExplicit: false,
    openRequests: start.openRequests,
    previous: undefined,
    thrown: undefined,
    hasFailedAfterHeaders: false,
    isClosedByServer: false,
    evidence: undefined,
    ended: false,
    blockedMs: 0,
    parts: undefined,
  };
  openStallObserver(state, state.startMs);
  markEvent(state, state.startMs, overhead.level < OverheadLevel.NO_BREAKDOWN);
  return state;
}

/** Stores the current time as the time of the first byte, unless it is known. */
export function storeFirstByteTime(state: RequestState | undefined): void {
  if (state?.firstByteMs !== 0) return;
  state.firstByteMs = performance.now();
  markEvent(state, state.firstByteMs, false);
}

/** Returns the scheme of a connection. */
export function getScheme(socket: Socket | undefined): 'http' | 'https' {
  return (socket as TLSSocket | undefined)?.encrypted ? 'https' : 'http';
}

/** Returns the state of an open HTTP/1 request. */
export function getHttp1State(request: IncomingMessage): RequestState | undefined {
  const state = RequestField.get(request);
  return state === undefined || state.ended ? undefined : state;
}

/**
 * Returns the state of an open request.
 *
 * @param request an HTTP/1 request, an HTTP/2 request, or an HTTP/2 stream
 */
export function getRequestState(request: object): RequestState | undefined {
  const state = RequestField.get(request) ?? getStreamState(request);
  return state === undefined || state.ended ? undefined : state;
}

/** Returns the state of the open request whose code is running. Needs the context of requests. */
export function getCurrentRequestState(): RequestState | undefined {
  const holder = getCurrentScope()?.holder;
  const state = holder !== undefined && 'response' in holder ? (holder as RequestState) : undefined;
  return state === undefined || state.ended ? undefined : state;
}

/** Returns the state of an `Http2ServerRequest`, which its stream stores. */
function getStreamState(request: { httpVersionMajor?: unknown; stream?: unknown }) {
  if (request.httpVersionMajor !== 2) return undefined;
  const { stream } = request;
  return typeof stream === 'object' && stream !== null ? RequestField.get(stream) : undefined;
}
