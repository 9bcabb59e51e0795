import { createServer, type Server } from 'node:http';
import { findFreePort } from './server-process.ts';

const RESPONSE_DELAY_MS = 50;

/** A server that accepts each payment. It represents another company's service, so Perfscope doesn't measure it. */
export class PaymentProvider {
  #port = 0;
  #server: Server | undefined;

  /** URL of the provider after the start. */
  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  /** Starts the server, on the same port each time. Does nothing if it runs. */
  async start(): Promise<void> {
    if (this.#server) return;
    this.#port ||= await findFreePort();
    const server = createServer((request, response) => {
      request.resume();
      setTimeout(() => {
        response.writeHead(201, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify({ status: 'paid' }));
      }, RESPONSE_DELAY_MS);
    });
    this.#server = server;
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(this.#port, '127.0.0.1', done);
    });
  }

  /** Stops the server, so that it refuses connections. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  }
}
