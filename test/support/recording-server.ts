import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Decompressed if the encoding is gzip. */
  readonly body: Buffer;
}

/** Accepts and records all requests, as a hosted service would. */
export class RecordingServer {
  readonly requests: RecordedRequest[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const { url = '', headers } = request;
      const raw = await buffer(request);
      const body = headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      this.requests.push({ path: url, headers, body });
      response.setHeader('Content-Type', headers['content-type'] ?? 'text/plain').end();
    });
  }

  static async start(): Promise<RecordingServer> {
    const server = new RecordingServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
