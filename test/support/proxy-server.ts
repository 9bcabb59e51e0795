import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
  request as sendRequest,
} from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { listenOnFreePort } from './listen-on-free-port.ts';

/** Treatment of each request. */
export type ProxyMode =
  | { kind: 'forward' }
  /** Closes each connection before a response. */
  | { kind: 'reset' }
  /** Reads requests and never responds. */
  | { kind: 'hang' }
  /** Forwards requests, and closes the connection instead of passing on every second response to a write. */
  | { kind: 'drop-responses' }
  /** Closes the connection after this number of bytes of a request body. */
  | { kind: 'cut'; bytes: number }
  /** Forwards each request after this time. */
  | { kind: 'delay'; ms: number }
  | { kind: 'throttle'; bytesPerSecond: number }
  /** Sends this response to each request, or only to each write. */
  | { kind: 'answer'; status: number; body: string; onlyWrites?: boolean }
  /** Rejects larger request bodies with status 413, as nginx does. */
  | { kind: 'limit'; bytes: number };

/** An HTTP proxy in front of QuestDB that fails on demand. */
export class ProxyServer {
  readonly #upstream: () => string;
  readonly #server = createServer((request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    this.#onRequest(request, response).catch(() => request.socket.destroy());
  });
  #writes = 0;
  mode: ProxyMode = { kind: 'forward' };
  url = '';
  /** Number of writes whose response was not passed on. */
  droppedResponses = 0;

  /** @param upstream returns the URL of QuestDB, which can change after a restart */
  constructor(upstream: () => string) {
    this.#upstream = upstream;
  }

  async start(): Promise<void> {
    this.url = `http://127.0.0.1:${await listenOnFreePort(this.#server)}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { mode } = this;
    if (mode.kind === 'reset') return void request.socket.destroy();
    if (mode.kind === 'hang') return void request.resume();
    const isWrite = request.url?.startsWith('/write') ?? false;
    if (mode.kind === 'answer' && (isWrite || !mode.onlyWrites)) {
      request.resume();
      response.writeHead(mode.status, { 'content-type': 'text/html' }).end(mode.body);
      return;
    }
    if (mode.kind === 'limit' && Number(request.headers['content-length']) > mode.bytes) {
      request.resume();
      response.writeHead(413, { connection: 'close' }).end('<h1>413 Request Too Large</h1>');
      return;
    }
    if (mode.kind === 'delay') await delay(mode.ms);
    const body = await this.#readBody(request);
    if (body) await this.#forward(request, body, response);
  }

  /** Returns the body, or undefined if the connection was closed. */
  async #readBody(request: IncomingMessage): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      const { mode } = this;
      if (mode.kind === 'cut' && bytes >= mode.bytes) {
        request.socket.destroy();
        return undefined;
      }
      if (mode.kind === 'throttle') await delay((chunk.length / mode.bytesPerSecond) * 1000);
    }
    return Buffer.concat(chunks);
  }

  #forward(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    const { host: _host, connection: _connection, ...headers } = request.headers;
    return new Promise((done, fail) => {
      const upstream = sendRequest(this.#upstream() + path, { method, headers }, (answer) => {
        const isWrite = path.startsWith('/write');
        if (this.mode.kind === 'drop-responses' && isWrite && ++this.#writes % 2 === 1) {
          answer.resume().once('end', () => {
            this.droppedResponses++;
            request.socket.destroy();
            done();
          });
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        answer.once('end', done).once('error', fail);
      });
      upstream.once('error', fail);
      upstream.end(body);
    });
  }
}
