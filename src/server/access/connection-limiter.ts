import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

/** A connection with more waiting requests is closed. Browsers and HTTP libraries send no such requests. */
const MAX_PIPELINED = 32;
/** Time without any progress after which a connection is closed, if its client doesn't read. */
const STALL_TIMEOUT_MS = 30_000;
/**
 * Time for which an idle connection stays open, in ms. OpenTelemetry SDKs and Prometheus send a request every 10 to
 * 60 s. With the default of Node.js (5 s), each request would need a new connection, or meet one that is being closed.
 */
const KEEP_ALIVE_MS = 65_000;

export interface ConnectionLimits {
  /** Number of requests that can wait for earlier requests of their connection. Default: 32. */
  readonly maxPipelined?: number;
  /** Maximum time in ms in which the client reads nothing of a response. Default: 30,000. */
  readonly stallTimeoutMs?: number;
  /** Called if a client uses HTTP/2, as senders of gRPC do. The connection is then closed. */
  readonly onHttp2?: (address: string | undefined) => void;
}

/**
 * Creates an HTTP server that handles the requests of each connection one after the other. Node.js would
 * start all pipelined requests at once, and buffer their responses.
 *
 * A connection with too many pipelined requests is closed. A connection whose client doesn't read a
 * response is closed after a timeout.
 */
export function createLimitedServer(app: RequestListener, limits: ConnectionLimits = {}): Server {
  const { maxPipelined = MAX_PIPELINED, stallTimeoutMs = STALL_TIMEOUT_MS, onHttp2 } = limits;
  const queues = new WeakMap<Socket, RequestQueue>();
  const server = createServer((request, response) => {
    const { socket } = request;
    const queue = queues.get(socket) ?? new RequestQueue(app);
    queues.set(socket, queue);
    if (queue.waitingCount >= maxPipelined) {
      queue.clear();
      socket.destroy();
    } else queue.add(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.setTimeout(stallTimeoutMs);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'HPE_PAUSED_H2_UPGRADE') {
      if (!socket.writable) return;
      onHttp2?.(socket.remoteAddress);
      socket.end(createGoAway());
    } else rejectMalformed(error, socket);
  });
  // With this listener, Node.js doesn't close the connection itself.
  server.on('timeout', (socket) => {
    const isHandlingRequest = queues.get(socket)?.isBusy === true;
    if (!isHandlingRequest || socket.writableLength > 0) socket.destroy();
  });
  return server;
}

/** Statuses of errors of the HTTP parser, as Node.js sends them without a listener. */
const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Responds to a request that isn't valid HTTP, and closes the connection. Same as Node.js without a listener. */
function rejectMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  // Node.js sets this property while a response is open.
  const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse };
  if (socket.writable && !response?.headersSent) {
    const status = STATUS_LINES[error.code ?? ''] ?? '400 Bad Request';
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  }
  socket.destroy(error);
}

const HTTP2_ADVICE =
  'This server supports only HTTP/1.1. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf in the sender.';

/** Returns the frames SETTINGS and GOAWAY (RFC 9113, sections 6.5 and 6.8), with the code HTTP_1_1_REQUIRED. */
function createGoAway(): Buffer {
  const frames = Buffer.alloc(26);
  frames[3] = 4;
  frames.writeUIntBE(8 + HTTP2_ADVICE.length, 9, 3);
  frames[12] = 7;
  frames.writeUInt32BE(0xd, 22);
  return Buffer.concat([frames, Buffer.from(HTTP2_ADVICE)]);
}

/** The requests of one connection. */
class RequestQueue {
  readonly #app: RequestListener;
  #waiting: { readonly request: IncomingMessage; readonly response: ServerResponse }[] = [];
  isBusy = false;

  constructor(app: RequestListener) {
    this.#app = app;
  }

  add(request: IncomingMessage, response: ServerResponse): void {
    this.#waiting.push({ request, response });
    if (!this.isBusy) this.#handleNext();
  }

  clear(): void {
    this.#waiting = [];
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  #handleNext(): void {
    const next = this.#waiting.shift();
    this.isBusy = next !== undefined;
    if (!next) return;
    const { request, response } = next;
    // Emitted when the operating system has accepted the whole response, or the connection is closed.
    response.once('close', () => {
      if (request.socket.destroyed) this.clear();
      else this.#handleNext();
    });
    this.#app(request, response);
  }
}
