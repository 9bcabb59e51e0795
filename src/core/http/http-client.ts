import { startTimeout } from '../guarded-timers.ts';
import {
  type EncodedRequest,
  HttpConnection,
  type HttpResponse,
  StaleConnectionError,
} from './http-connection.ts';
import type { HttpOrigin, TlsCertificates } from './http-socket.ts';

const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface HttpClientOptions {
  /** Whether a running request keeps the process alive. */
  readonly keepsProcessAlive: boolean;
  /** Time after which an unused connection is closed, in ms. Default: the peer closes it. */
  readonly idleTimeoutMs?: number;
  /** Default: the certificates of Node.js, and none of the client. */
  readonly tls?: TlsCertificates | undefined;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: no body. */
  readonly body?: readonly Buffer[];
  /** Time limit for the complete response, in ms. */
  readonly timeoutMs: number;
  /** Maximum size of the response's body, in bytes. Default: 4 MB. */
  readonly maxBodyBytes?: number;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

interface IdleConnection {
  readonly connection: HttpConnection;
  readonly timer: NodeJS.Timeout | undefined;
}

/**
 * An HTTP/1.1 client for the agent and the server. It uses neither `fetch` nor `node:http`, because applications and
 * libraries replace, mock, and trace them. It reuses connections, and doesn't follow redirects.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #connections = new Set<HttpConnection>();
  /** One unused connection for each origin. */
  readonly #idle = new Map<string, IdleConnection>();
  #isClosed = false;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and returns the response with any status. If the peer has closed an unused
   * connection, the request is sent again over a new connection.
   *
   * @throws a `TimeoutError` after `timeoutMs`, the reason of the signal, an HttpProtocolError, or
   * the error of the connection
   */
  async send(url: string | URL, request: HttpRequest): Promise<HttpResponse> {
    const target = new URL(url);
    const encoded = encodeRequest(target, request);
    const startMs = performance.now();
    const idle = this.#takeIdle(target.origin);
    if (idle) {
      try {
        return await idle.send(encoded);
      } catch (error) {
        if (!(error instanceof StaleConnectionError)) throw error;
      }
    }
    const timeoutMs = encoded.timeoutMs - (performance.now() - startMs);
    return await this.#connect(target).send({ ...encoded, timeoutMs: Math.max(1, timeoutMs) });
  }

  /** Closes all connections. Running requests reject. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.destroy();
  }

  #connect(target: URL): HttpConnection {
    if (this.#isClosed) throw new Error('the client is closed');
    const connection = new HttpConnection(
      { ...toOrigin(target), tls: this.#options.tls },
      {
        keepsProcessAlive: this.#options.keepsProcessAlive,
        onIdle: (unused) => this.#keep(target.origin, unused),
        onClose: (closed) => {
          this.#connections.delete(closed);
          if (this.#idle.get(target.origin)?.connection === closed) this.#takeIdle(target.origin);
        },
      },
    );
    this.#connections.add(connection);
    return connection;
  }

  #keep(origin: string, connection: HttpConnection): void {
    if (this.#isClosed || this.#idle.has(origin)) {
      connection.destroy();
      return;
    }
    const { idleTimeoutMs } = this.#options;
    const timer =
      idleTimeoutMs === undefined
        ? undefined
        : startTimeout('the HTTP client', () => connection.destroy(), idleTimeoutMs);
    this.#idle.set(origin, { connection, timer });
  }

  #takeIdle(origin: string): HttpConnection | undefined {
    const idle = this.#idle.get(origin);
    clearTimeout(idle?.timer);
    this.#idle.delete(origin);
    return idle?.connection;
  }
}

function toOrigin({ protocol, hostname, port }: URL): HttpOrigin {
  const isSecure = protocol === 'https:';
  if (!isSecure && protocol !== 'http:') throw new TypeError(`${protocol} URLs are not supported`);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return { isSecure, host, port: Number(port || (isSecure ? 443 : 80)) };
}

function encodeRequest(
  { host, pathname, search }: URL,
  { method, headers, body = [], timeoutMs, maxBodyBytes, signal }: HttpRequest,
): EncodedRequest {
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const allHeaders = {
    host,
    ...headers,
    ...((length > 0 || method === 'POST') && { 'content-length': String(length) }),
  };
  const lines = [`${method} ${pathname}${search} HTTP/1.1`];
  for (const [name, value] of Object.entries(allHeaders)) {
    // A line break would start another header.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new TypeError(`the value of the header ${name} contains an invalid character`);
    }
    lines.push(`${name}: ${value}`);
  }
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return {
    parts: [head, ...body],
    timeoutMs,
    maxBodyBytes: maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
    signal,
  };
}
