import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { listenOnFreePort } from './listen-on-free-port.ts';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A local HTTP server in the place of a provider: keeps what it gets, and answers as it is told. */
export class FakeProvider {
  readonly requests: ReceivedRequest[] = [];
  readonly #server: Server;
  url = '';
  /** Answers one request. */
  respond: (response: ServerResponse, request: ReceivedRequest) => void = (response) =>
    response.writeHead(200).end('ok');

  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { url = '', headers } = request;
        const received = { path: url, headers, body: Buffer.concat(parts).toString() };
        this.requests.push(received);
        this.respond(response, received);
      });
    });
  }

  async start(): Promise<void> {
    this.url = `http://127.0.0.1:${await listenOnFreePort(this.#server)}`;
  }

  reset(): void {
    this.requests.length = 0;
    this.respond = (response) => response.writeHead(200).end('ok');
  }

  /** The only request since `reset`, as JSON. */
  get json(): unknown {
    if (this.requests.length !== 1) throw new Error(`${this.requests.length} requests came`);
    return JSON.parse(this.requests[0]!.body);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
