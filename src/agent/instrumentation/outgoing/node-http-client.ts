import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { guard, runGuarded } from '../../../core/guard.ts';
import { isUnrecorded } from '../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import type { Library } from '../loading/library.ts';
import { observeMethod } from '../loading/method-patching.ts';
import { type CallTarget, getHostTarget } from './call-target.ts';
import { CallField, OutgoingCall, type OutgoingRecorder } from './outgoing-recorder.ts';

/** What fails, for {@link guard}. */
const PART = 'the metrics of the HTTP client';

/** The client of Node.js, which axios, got, and node-fetch use. */
export const NODE_HTTP: Library = {
  name: 'node:http',
  category: 'http-client',
  versions: { from: '22.14.0', to: 26 },
  isBuiltIn: true,
  measured:
    'Duration, status, and errors of each request, grouped by host and method, and by URL template if the application sets one. Includes `node:https`, axios, got, and node-fetch.',
  limits:
    'WebSocket handshakes, CONNECT tunnels, and requests that the `node:http2` client sends are not measured.',
  instrument: (context) => {
    observeRequests(context);
    return {};
  },
};

function observeRequests({ outgoing }: InstrumentationContext): void {
  let isObserved = false;
  const onCreated = guard(PART, ({ request }: { request: ClientRequest }) => {
    if (isUnrecorded() || request.method === 'CONNECT') return;
    if (request.getHeader('upgrade') !== undefined) return;
    if (isSqsRequest(request)) return;
    if (!isObserved) {
      isObserved = true;
      runGuarded(PART, () => observeResponses(outgoing));
    }
    const target = getTarget(request);
    if (target.name === outgoing.ignoredHost) return;
    CallField.set(request, OutgoingCall.createHttp(request.method, target));
  });
  const onError = guard(PART, ({ request, error }: { request: ClientRequest; error: unknown }) => {
    const call = CallField.get(request);
    if (call) outgoing.fail(call, isDestroyedByCaller(request, error) ? undefined : error);
  });
  /** Despite its name, Node.js publishes this channel when the headers arrive. */
  const onHeaders = guard(
    PART,
    ({ request, response }: { request: ClientRequest; response: IncomingMessage }) => {
      const call = CallField.get(request);
      if (!call) return;
      CallField.set(response, call);
      outgoing.receiveHeaders(call, response.statusCode ?? 0);
    },
  );
  subscribe('http.client.request.created', onCreated as (message: unknown) => void);
  subscribe('http.client.request.error', onError as (message: unknown) => void);
  subscribe('http.client.response.finish', onHeaders as (message: unknown) => void);
}

/** Whether the AWS SDK sends a request to SQS. It is a part of a queue operation. */
function isSqsRequest(request: ClientRequest): boolean {
  const userAgent = request.getHeader('user-agent');
  return (
    typeof userAgent === 'string' &&
    userAgent.startsWith('aws-sdk-js/') &&
    /\bapi\/sqs\b/.test(userAgent)
  );
}

/** Private fields of Node.js. They are the same in Node.js 22, 24, and 26. */
interface ResponseInternals extends IncomingMessage {
  /** Whether the rest of the body is ignored (lib/_http_incoming.js). */
  readonly _dumped?: boolean;
}

/**
 * Ends the call when its response is destroyed, which Node.js does after the body was read, or when the connection
 * closes. No channel publishes the end of the body, and the application could see a listener.
 */
function observeResponses(outgoing: OutgoingRecorder): void {
  const { IncomingMessage: responseClass } = process.getBuiltinModule('node:http');
  observeMethod<ResponseInternals>(PART, responseClass.prototype, '_destroy', {
    before: (response, [error]) => {
      const call = CallField.get(response);
      if (call === undefined || call.ended) return;
      if (response.complete && response.readableEnded) outgoing.end(call);
      // The caller destroyed the response or its request.
      else if (response._dumped || !error) outgoing.endAtHeaders(call);
      else outgoing.fail(call, error);
    },
  });
}

/**
 * Returns whether the caller destroyed the request without an error. Node.js then creates an error, as if
 * the server had closed the connection. When the server closes it, the request isn't destroyed yet.
 */
function isDestroyedByCaller(request: ClientRequest, error: unknown): boolean {
  return request.destroyed && (error as { message?: unknown } | null)?.message === 'socket hang up';
}

function getTarget(request: ClientRequest): CallTarget {
  return getHostTarget(request.protocol, request.host, findHostHeader(request));
}

/** Private field of Node.js with the headers as text (lib/_http_outgoing.js). */
interface RequestInternals extends ClientRequest {
  readonly _header?: string | null;
}

/** An array of headers is not available through `getHeader`. */
function findHostHeader(request: RequestInternals): unknown {
  const header = request.getHeader('host');
  if (header !== undefined || typeof request._header !== 'string') return header;
  return /\nhost: *([^\r\n]*)/i.exec(request._header)?.[1];
}
