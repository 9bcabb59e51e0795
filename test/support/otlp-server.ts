import { createServer, type IncomingMessage, request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import express from 'express';
import type { Principal } from '../../src/server/access/principal.ts';
import { KEYLESS_LOCAL_ADMIN } from '../../src/server/access/principal.ts';
import type { PartialSuccess } from '../../src/server/otlp/decode/otlp-response.ts';
import {
  createOtlpRouter,
  DEFAULT_OTLP_LIMITS,
  type OtlpLimits,
  type OtlpRequest,
} from '../../src/server/otlp/otlp-router.ts';
import { RejectionReporter } from '../../src/server/otlp/rejection-reporter.ts';
import { listenOnFreePort } from './listen-on-free-port.ts';

export interface OtlpResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** The OTLP routes with a function instead of the storage. */
export class OtlpServer {
  /** Requests that reached the storage. */
  readonly received: OtlpRequest[] = [];
  readonly responses: string[] = [];
  readonly logMessages: string[] = [];
  /** Reasons for which keys are rejected. */
  readonly rejectedKeys = new Map([['wrong', 'the key is wrong']]);
  principal: Principal = KEYLESS_LOCAL_ADMIN;
  store: (request: OtlpRequest) => Promise<PartialSuccess | undefined> = async () => undefined;
  readonly #server;
  port = 0;
  /** Time of the log, in ms. */
  nowMs = 0;

  constructor(limits: Partial<OtlpLimits> = {}) {
    const record = (message: string) => void this.logMessages.push(message);
    const log = { info: record, warn: record, error: record };
    const app = express();
    app.use(
      createOtlpRouter({
        authenticate: async ({ apiKey = '' }) => {
          if (apiKey === 'later') return { unavailable: 'the API keys are not loaded yet' };
          const rejected = this.rejectedKeys.get(apiKey);
          return rejected === undefined ? { principal: this.principal } : { rejected };
        },
        store: (request) => {
          this.received.push(request);
          return this.store(request);
        },
        countResponse: (signal, status) => void this.responses.push(`${signal} ${status}`),
        log,
        rejections: new RejectionReporter({ log, now: () => this.nowMs }),
        limits: { ...DEFAULT_OTLP_LIMITS, ...limits },
      }),
    );
    this.#server = createServer(app);
  }

  async start(): Promise<void> {
    this.port = await listenOnFreePort(this.#server);
  }

  /** Opens a request without its body. */
  open(path: string, headers: Record<string, string | number> = {}, method = 'POST') {
    const request = sendRequest({ port: this.port, host: '127.0.0.1', path, method, headers });
    const response = new Promise<OtlpResponse>((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (incoming) => {
        text(incoming).then(
          (body) => resolve({ status: incoming.statusCode!, headers: incoming.headers, body }),
          reject,
        );
      });
    });
    return { request, response };
  }

  /** Sends a request as JSON, unless `headers` contains another content type. */
  send(
    path: string,
    body: Buffer | string,
    headers: Record<string, string> = {},
    method = 'POST',
  ): Promise<OtlpResponse> {
    const allHeaders = { 'content-type': 'application/json', ...headers };
    const { request, response } = this.open(path, allHeaders, method);
    request.end(body);
    return response;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
