import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { guard } from '../../../core/guard.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import type { Method } from '../loading/method-patching.ts';
import type { WebSocketRoute } from './websocket-metrics.ts';

/** What fails, for {@link guard}. */
const PART = 'the metrics of WebSocket handshakes';
const STATUS_LINE = /^HTTP\/1\.1 (\d{3})/;

/** A handshake in progress. */
export class Handshake {
  readonly route: WebSocketRoute;
  readonly #startMs = performance.now();
  #isComplete = false;
  #stopObserving: (() => void) | undefined;

  /** @param socket the connection to which the server writes a rejection */
  constructor(route: WebSocketRoute, socket: Duplex) {
    this.route = route;
    this.#stopObserving = observeFirstWrite(socket, (data) => {
      const status = STATUS_LINE.exec(String(data))?.[1];
      if (status !== undefined) this.complete(Number(status));
    });
  }

  complete(status: number): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.#stopObserving?.();
    this.#stopObserving = undefined;
    this.route.addHandshake(status, performance.now() - this.#startMs);
  }
}

/** Stores the handshake of a request. */
export class HandshakeField extends ExistingObject {
  readonly #handshake: Handshake;

  private constructor(request: object, handshake: Handshake) {
    super(request);
    this.#handshake = handshake;
  }

  static get(request: object): Handshake | undefined {
    return #handshake in request ? request.#handshake : undefined;
  }

  static set(request: object, handshake: Handshake): void {
    if (!(#handshake in request)) new HandshakeField(request, handshake);
  }
}

/** Versions of `ws` send a rejection with one of these methods. */
const WRITING_METHODS = ['write', 'end'] as const;

/**
 * Calls `onWrite` before the server writes to a socket for the first time. The functions of `ws` that reject a handshake
 * can't be replaced.
 *
 * @returns a function that restores the socket
 */
function observeFirstWrite(socket: Duplex, onWrite: (data: unknown) => void): () => void {
  const notify = guard(PART, onWrite);
  const restores = WRITING_METHODS.map((name) => {
    const descriptor = Object.getOwnPropertyDescriptor(socket, name);
    const original = socket[name] as Method;
    const observed: Method = function (this: unknown, ...args: unknown[]) {
      restore();
      notify(args[0]);
      return original.apply(this, args);
    };
    Object.defineProperty(socket, name, { value: observed, writable: true, configurable: true });
    return () => {
      if ((socket[name] as Method) !== observed) return;
      if (descriptor) Object.defineProperty(socket, name, descriptor);
      else delete (socket as Partial<Duplex>)[name];
    };
  });
  const restore = () => {
    for (const each of restores) each();
  };
  return restore;
}

/** Starts the handshake of a request. Fastify runs its hooks before `ws` receives the request. */
export function startHandshake(
  request: IncomingMessage,
  socket: Duplex,
  findRoute: () => WebSocketRoute,
): void {
  if (HandshakeField.get(request) === undefined)
    HandshakeField.set(request, new Handshake(findRoute(), socket));
}
