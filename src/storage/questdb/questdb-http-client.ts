import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import {
  HttpClient,
  type HttpClientOptions,
  type HttpRequest,
} from '../../core/http/http-client.ts';
import type { HttpResponse } from '../../core/http/http-connection.ts';

export interface QuestdbRequest extends HttpRequest {
  /** Path and query. */
  readonly path: string;
}

/** Sends HTTP requests to QuestDB. */
export class QuestdbHttpClient {
  readonly #client: HttpClient;

  constructor(options: HttpClientOptions) {
    this.#client = new HttpClient(options);
  }

  /**
   * Returns the response with any status.
   *
   * @throws see {@link HttpClient.send}
   */
  async send(
    { url, authorization }: WriteTarget,
    { path, headers, ...request }: QuestdbRequest,
  ): Promise<HttpResponse> {
    return await this.#client.send(new URL(path, url), {
      ...request,
      headers: { ...headers, ...(authorization && { authorization }) },
    });
  }

  /** Closes all connections. Running requests reject. */
  close(): void {
    this.#client.close();
  }
}
