import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import { gunzipSync } from 'node:zlib';
import type {
  OtelAttributes,
  OtelMetric,
  OtelResourceMetrics,
} from '../../src/core/otel/metric-data.ts';
import { decodeMetricsJson } from '../../src/server/otlp/decode/decode-json.ts';
import { decodeMetricsProtobuf } from '../../src/server/otlp/decode/decode-protobuf.ts';
import { listenOnFreePort } from './listen-on-free-port.ts';

/** A request that the receiver accepted. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly resources: readonly OtelResourceMetrics[];
}

export type ReceivedMetric = OtelMetric & { readonly scope: string };

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

const respondWith =
  (status: number, body: string | Buffer = '', headers: Record<string, string> = {}): Respond =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };

/** Endpoints that work, and endpoints that don't. */
export const OTLP_BEHAVIORS = {
  answers: respondWith(200, '', { 'content-type': 'application/x-protobuf' }),
  hangs: () => {},
  'closes early': (request) => request.socket.destroy(),
  'sends garbage': (request) => request.socket.end('\0\u0001garbage'),
  'sends an invalid body': respondWith(200, Buffer.from([0xff, 0xff, 0x0a]), {
    'content-type': 'application/x-protobuf',
  }),
  'rejects everything': respondWith(400, 'bad'),
  'is unavailable': respondWith(503, '', { 'retry-after': '3600' }),
} satisfies Record<string, Respond>;

export type OtlpBehavior = keyof typeof OTLP_BEHAVIORS;

/** An OTLP/HTTP endpoint for metrics. It decodes each request, and fails if the request is invalid. */
export class OtlpReceiver {
  readonly requests: ReceivedRequest[] = [];
  /** Responses to the next requests. Then, `behavior` responds. */
  readonly responses: Respond[] = [];
  url = '';
  readonly #behavior: OtlpBehavior;
  readonly #tls: ServerOptions | undefined;
  readonly #server;

  constructor(behavior: OtlpBehavior = 'answers', tls?: ServerOptions) {
    this.#behavior = behavior;
    this.#tls = tls;
    const listener: RequestListener = (request, response) => {
      this.#onRequest(request, response).catch((error: Error) => {
        response.writeHead(500).end(error.message);
      });
    };
    this.#server = tls ? createSecureServer(tls, listener) : createServer(listener);
  }

  /** Responds to the next request with another status. */
  respondOnce(status: number, body?: string | Buffer, headers?: Record<string, string>): void {
    this.responses.push(respondWith(status, body, headers));
  }

  async start(): Promise<this> {
    const port = await listenOnFreePort(this.#server);
    this.url = `${this.#tls ? 'https' : 'http'}://localhost:${port}`;
    return this;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** All metrics that were received, each with its points of one request. */
  get metrics(): ReceivedMetric[] {
    return this.requests.flatMap(({ resources }) =>
      resources.flatMap(({ scopes }) =>
        scopes.flatMap(({ scope, metrics }) =>
          metrics.map((metric) => ({ ...metric, scope: scope.name })),
        ),
      ),
    );
  }

  /** All points of a metric, in the order in which they were received. */
  getPoints(name: string): OtelMetric['points'][number][] {
    const named = this.metrics.filter((metric) => metric.name === name);
    return named.flatMap(({ points }) => [...points]);
  }

  /** The resource of the first request. */
  get resource(): OtelAttributes | undefined {
    return this.requests[0]?.resources[0]?.resource;
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {});
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const respond = this.responses.shift() ?? OTLP_BEHAVIORS[this.#behavior];
    const { url: path = '', headers } = request;
    const body = Buffer.concat(parts);
    const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const { resources, rejected } =
      headers['content-type'] === 'application/json'
        ? decodeMetricsJson(text)
        : decodeMetricsProtobuf(text);
    if (rejected.size > 0) throw new Error(`invalid points: ${[...rejected.keys()].join(', ')}`);
    this.requests.push({ path, headers, resources });
    respond(request, response);
  }
}
