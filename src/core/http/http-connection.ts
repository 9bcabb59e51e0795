import { guard } from '../guard.ts';
import { startInterval, startTimeout } from '../guarded-timers.ts';
import { type HttpResponseHead, HttpResponseParser } from './http-response-parser.ts';
import { type HttpOrigin, HttpSocket } from './http-socket.ts';
import { isKeptAliveByRequests } from './process-end.ts';

/** How often the client checks whether only its own request keeps the process alive, in ms. */
const CHECK_INTERVAL_MS = 100;

/** A response with its complete body. */
export interface HttpResponse extends HttpResponseHead {
  /** The body as UTF-8 text. */
  readonly body: string;
  readonly bodyBytes: Buffer;
}

/** A request in the form in which it is sent. */
export interface EncodedRequest {
  readonly parts: readonly Buffer[];
  /** Time limit for the complete response, in ms. */
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Thrown if the peer closed an unused connection, so that the request can be sent again. */
export class StaleConnectionError extends Error {
  override readonly name = 'StaleConnectionError';
}

interface PendingRequest {
  readonly request: EncodedRequest;
  readonly parser: HttpResponseParser;
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: unknown) => void;
  readonly stopTimers: () => void;
}

export interface HttpConnectionOptions {
  /** Whether a running request keeps the process alive. */
  readonly keepsProcessAlive: boolean;
  /** Called when the connection can be used for another request. */
  readonly onIdle: (connection: HttpConnection) => void;
  readonly onClose: (connection: HttpConnection) => void;
}

/** Sends one request at a time over a connection. */
export class HttpConnection {
  readonly #options: HttpConnectionOptions;
  readonly #socket: HttpSocket;
  #pending: PendingRequest | undefined;
  #isReady = false;
  #isReused = false;

  constructor(origin: HttpOrigin, options: HttpConnectionOptions) {
    this.#options = options;
    this.#socket = new HttpSocket(origin, options.keepsProcessAlive, {
      onReady: () => this.#onReady(),
      onData: (data) => this.#onData(data),
      onEnd: () => this.#onEnd(),
      onClose: (error) => this.#fail(error ?? new Error('the connection was closed')),
    });
  }

  /**
   * Sends a request.
   *
   * @throws StaleConnectionError if the connection was used before and has been closed by the peer
   * @throws a `TimeoutError`, the reason of the signal, an HttpProtocolError, or the socket's error
   */
  send(request: EncodedRequest): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const { timeoutMs, maxBodyBytes, signal } = request;
      const timer = startTimeout('the HTTP client', () => this.#onTimeout(), timeoutMs);
      const check = this.#options.keepsProcessAlive ? undefined : this.#startProcessCheck();
      const abort = guard('the HTTP client', () => this.destroy(signal?.reason));
      signal?.addEventListener('abort', abort);
      const stopTimers = () => {
        clearTimeout(timer);
        clearInterval(check);
        signal?.removeEventListener('abort', abort);
      };
      const parser = new HttpResponseParser(maxBodyBytes);
      this.#pending = { request, parser, resolve, reject, stopTimers };
      this.#socket.setReferenced(this.#options.keepsProcessAlive);
      if (signal?.aborted) abort();
      else if (this.#isReady) this.#write(request);
    });
  }

  /** Closes the connection. A running request rejects with `reason`. */
  destroy(reason: unknown = new Error('the connection was closed')): void {
    this.#socket.destroy();
    const pending = this.#takePending();
    this.#options.onClose(this);
    pending?.reject(reason);
  }

  #onReady(): void {
    this.#isReady = true;
    if (this.#pending) this.#write(this.#pending.request);
  }

  #write({ parts }: EncodedRequest): void {
    for (const part of parts) this.#socket.write(part);
  }

  #onData(data: Buffer): void {
    // Without a request, the peer must not send anything.
    if (!this.#pending) {
      this.destroy();
      return;
    }
    const { parser } = this.#pending;
    try {
      parser.push(data);
    } catch (error) {
      this.destroy(error);
      return;
    }
    if (parser.isComplete) this.#complete(parser);
  }

  #onEnd(): void {
    if (!this.#pending) {
      this.destroy();
      return;
    }
    const { parser } = this.#pending;
    if (!parser.hasReceived) {
      this.#fail(new Error('the connection was closed'));
      return;
    }
    try {
      parser.end();
    } catch (error) {
      this.destroy(error);
      return;
    }
    this.#complete(parser);
  }

  #complete(parser: HttpResponseParser): void {
    const pending = this.#takePending();
    const { head } = parser;
    if (!pending || !head) return;
    if (parser.isPersistent && this.#socket.unsentBytes === 0) {
      this.#isReused = true;
      this.#socket.setReferenced(false);
      this.#options.onIdle(this);
    } else this.destroy();
    const bodyBytes = parser.body;
    pending.resolve({ ...head, bodyBytes, body: bodyBytes.toString() });
  }

  #fail(error: Error): void {
    const isStale = this.#isReused && this.#pending?.parser.hasReceived === false;
    this.destroy(isStale ? new StaleConnectionError(error.message, { cause: error }) : error);
  }

  #onTimeout(): void {
    this.destroy(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  }

  /** Cancels the request if the process would end without it. */
  #startProcessCheck(): NodeJS.Timeout {
    const check = () => {
      const { isConnecting, unsentBytes } = this.#socket;
      if (!isConnecting && unsentBytes === 0) return;
      if (isKeptAliveByRequests()) this.destroy(new Error('the process is ending'));
    };
    return startInterval('the HTTP client', check, CHECK_INTERVAL_MS);
  }

  #takePending(): PendingRequest | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.stopTimers();
    return pending;
  }
}
