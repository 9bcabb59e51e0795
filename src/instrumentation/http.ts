import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Attributes, Meter } from '@opentelemetry/api';
import { ABORTED } from '../schema/attributes.ts';
import { pathMatcher } from './ignore.ts';
import { beginState, endState } from './request-state.ts';

/** Semantic conventions' advice for this histogram, in seconds; Prometheus uses these bounds. */
const BOUNDARIES_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const KNOWN_METHODS = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

export interface HttpOptions {
  meter: Meter;
  ignoreRoutes: readonly string[];
  /** Servers of our own, which are not part of the application. */
  isOwnServer: (server: Server) => boolean;
  /** Called once for each request, after it was recorded. */
  onRequest: (durationMs: number, failed: boolean) => void;
}

interface StartMessage {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/**
 * Records each HTTP request that this process serves, once, as `http.server.request.duration`
 * (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/): by method, route and status.
 * It listens to Node's own diagnostics channels, so nothing is patched.
 *
 * @returns a function that stops it
 */
export function instrumentHttp(options: HttpOptions): () => void {
  const isIgnored = pathMatcher(options.ignoreRoutes);
  const duration = options.meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP server requests.',
    advice: { explicitBucketBoundaries: BOUNDARIES_S },
  });

  const complete = (request: IncomingMessage, response: ServerResponse, aborted: boolean) => {
    const state = endState(request);
    if (!state) return;
    const durationMs = performance.now() - state.startMs;
    const failed = !aborted && response.statusCode >= 500;
    duration.record(durationMs / 1000, attributesOf(request, response, state.route, aborted));
    options.onRequest(durationMs, failed);
  };

  const onStart = guard((message: StartMessage) => {
    const { request, response, server } = message;
    if (options.isOwnServer(server) || isIgnored(request.url ?? '')) return;
    beginState(request, performance.now());
    // An aborted request never finishes; whichever of the two comes first completes it.
    response.once('close', () => {
      guard(complete)(request, response, !response.writableFinished);
    });
  });
  const onFinish = guard(({ request, response }: StartMessage) => {
    complete(request, response, false);
  });

  const start = onStart as (message: unknown) => void;
  const finish = onFinish as (message: unknown) => void;
  subscribe('http.server.request.start', start);
  subscribe('http.server.response.finish', finish);
  return () => {
    unsubscribe('http.server.request.start', start);
    unsubscribe('http.server.response.finish', finish);
  };
}

function attributesOf(
  request: IncomingMessage,
  response: ServerResponse,
  route: string | undefined,
  aborted: boolean,
): Attributes {
  const method = request.method ?? '';
  const attributes: Attributes = {
    'http.request.method': KNOWN_METHODS.has(method) ? method : '_OTHER',
    'url.scheme': (request.socket as TLSSocket | undefined)?.encrypted ? 'https' : 'http',
  };
  if (route !== undefined) attributes['http.route'] = route;
  if (aborted) {
    attributes[ABORTED] = true;
    return attributes;
  }
  attributes['http.response.status_code'] = response.statusCode;
  if (response.statusCode >= 500) attributes['error.type'] = String(response.statusCode);
  return attributes;
}

/** Whatever goes wrong in here is not the application's to see. */
function guard<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      fn(...args);
    } catch {
      // A measurement is lost; the request is not.
    }
  };
}
