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

/** A local HTTP server that replaces a provider. It records all requests. Tests set the response. */
export class FakeProvider {
  readonly requests: ReceivedRequest[] = [];
  readonly #server: Server;
  url = '';
  /** Handles one request. Default: status 200. */
  respond: (response: ServerResponse, request: ReceivedRequest) => void = (response) =>
    response.writeHead(200).end('ok');

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { url = '', headers } = request;
        const received = { path: url, headers, body: Buffer.concat(chunks).toString() };
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

  /** Body of the only request since `reset`, parsed as JSON. */
  get json(): unknown {
    if (this.requests.length !== 1)
      throw new Error(`expected 1 request, received ${this.requests.length}`);
    return JSON.parse(this.requests[0]!.body);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
