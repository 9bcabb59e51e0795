import type { Agent, RequestOptions } from 'node:http';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';

export interface QuestdbHttpClientOptions {
  /** Whether a running request keeps the process alive. */
  readonly keepsProcessAlive: boolean;
  /** Time after which an unused connection is closed, in ms. Default: QuestDB closes it. */
  readonly idleTimeoutMs?: number;
}

export interface QuestdbRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: no body. */
  readonly body?: readonly Buffer[];
  readonly timeoutMs: number;
}

export interface QuestdbResponse {
  readonly status: number;
  readonly statusText: string;
  readonly body: string;
}

/**
 * Sends HTTP requests to QuestDB and reuses connections. Doesn't use `fetch`, because the first call of
 * `fetch` in a process blocks the event loop for 30 ms. Loads `node:http` and `node:https` on first use.
 */
export class QuestdbHttpClient {
  readonly #options: QuestdbHttpClientOptions;
  /** By protocol. */
  readonly #agents = new Map<string, Agent>();

  constructor(options: QuestdbHttpClientOptions) {
    this.#options = options;
  }

  /**
   * Returns the response with any status. Doesn't follow redirects.
   *
   * @throws the error of the connection, or a `TimeoutError` after `timeoutMs`
   */
  send(target: WriteTarget, questdbRequest: QuestdbRequest): Promise<QuestdbResponse> {
    const { method, path, headers, body = [], timeoutMs } = questdbRequest;
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const fail = (error: unknown) => reject(signal.aborted ? signal.reason : error);
      const url = new URL(path, target.url);
      const options: RequestOptions = {
        method,
        agent: this.#getAgent(url.protocol),
        signal,
        headers: {
          ...headers,
          ...(target.authorization && { authorization: target.authorization }),
          ...(body.length > 0 && {
            'content-length': body.reduce((sum, part) => sum + part.length, 0),
          }),
        },
      };
      const { request } = process.getBuiltinModule('node:http');
      const outgoing = request(url, options, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', fail);
        response.on('end', () => {
          const { statusCode: status = 0, statusMessage: statusText = '' } = response;
          resolve({ status, statusText, body: Buffer.concat(parts).toString() });
        });
      });
      outgoing.on('error', fail);
      if (!this.#options.keepsProcessAlive) outgoing.on('socket', (socket) => socket.unref());
      for (const part of body) outgoing.write(part);
      outgoing.end();
    });
  }

  /** Closes all connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #getAgent(protocol: string): Agent {
    let agent = this.#agents.get(protocol);
    if (!agent) {
      const { Agent } = process.getBuiltinModule(
        protocol === 'https:' ? 'node:https' : 'node:http',
      );
      agent = new Agent({ keepAlive: true, timeout: this.#options.idleTimeoutMs });
      this.#agents.set(protocol, agent);
    }
    return agent;
  }
}
