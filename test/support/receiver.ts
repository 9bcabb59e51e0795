import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { listening } from './listening.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A local HTTP server in the place of a provider: keeps what it gets, and answers as it is told. */
export class Receiver {
  readonly received: Received[] = [];
  readonly #server: Server;
  url = '';
  /** Answers one request. */
  answer: (response: ServerResponse, request: Received) => void = (response) =>
    response.writeHead(200).end('ok');

  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { url = '', headers } = request;
        const received = { path: url, headers, body: Buffer.concat(parts).toString() };
        this.received.push(received);
        this.answer(response, received);
      });
    });
  }

  async start(): Promise<void> {
    this.url = `http://127.0.0.1:${await listening(this.#server)}`;
  }

  reset(): void {
    this.received.length = 0;
    this.answer = (response) => response.writeHead(200).end('ok');
  }

  /** The only request since `reset`, as JSON. */
  get json(): unknown {
    if (this.received.length !== 1) throw new Error(`${this.received.length} requests came`);
    return JSON.parse(this.received[0]!.body);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
