import type { IncomingMessage } from 'node:http';
import type { Tenant } from '../context/tenant-context.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import type { RequestRecorder } from '../requests/request-recorder.ts';
import { getScheme } from '../requests/request-state.ts';
import { abortRuns, type MessageRun, type MessageSource } from './message-run.ts';
import type { CloseReason, WebSocketRoute } from './websocket-metrics.ts';

/** A connection that a server has accepted. */
export class WebSocketConnection implements MessageSource {
  readonly recorder: RequestRecorder;
  readonly route: WebSocketRoute;
  readonly tenant: Tenant | undefined;
  readonly scheme: 'http' | 'https';
  pendingRuns: Set<MessageRun> | undefined = undefined;
  hasError = false;
  #isOpen = true;
  readonly #startMs = performance.now();

  /** @param request the handshake, whose headers contain the tenant */
  constructor(
    request: IncomingMessage,
    route: WebSocketRoute,
    { recorder, resolveTenant }: InstrumentationContext['requests'],
  ) {
    this.recorder = recorder;
    this.route = route;
    this.tenant = resolveTenant(request);
    this.scheme = getScheme(request.socket);
    route.openConnections += 1;
  }

  close(reason: CloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.route.openConnections -= 1;
    abortRuns(this);
    this.route.addConnection(reason, performance.now() - this.#startMs);
  }
}

/** Stores the connection of a library's socket. */
export class ConnectionField extends ExistingObject {
  readonly #connection: WebSocketConnection;

  private constructor(socket: object, connection: WebSocketConnection) {
    super(socket);
    this.#connection = connection;
  }

  static get(socket: object): WebSocketConnection | undefined {
    return #connection in socket ? socket.#connection : undefined;
  }

  static set(socket: object, connection: WebSocketConnection): void {
    if (!(#connection in socket)) new ConnectionField(socket, connection);
  }
}

/** Returns the size of a message in bytes, or 0 if it is unknown. */
export function getByteLength(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  if (Array.isArray(data)) return data.reduce<number>((sum, each) => sum + getByteLength(each), 0);
  const { byteLength, size } = (data ?? {}) as { byteLength?: unknown; size?: unknown };
  if (typeof byteLength === 'number') return byteLength;
  // A `Blob`.
  return typeof size === 'number' ? size : 0;
}
