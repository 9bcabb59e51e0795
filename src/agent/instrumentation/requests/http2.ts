import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { guard, runGuarded } from '../../../core/guard.ts';
import {
  enterRequestContext,
  leaveRequestContext,
  type Tenant,
} from '../context/tenant-context.ts';
import type { TenantRequest } from '../context/tenant-reader.ts';
import { observeMethod } from '../loading/method-patching.ts';
import { type EndReason, isPeerError } from './connection-close.ts';
import { endGrpcCall } from './grpc-call-end.ts';
import { nameRoute } from './name-route.ts';
import type { RequestRecorder } from './request-recorder.ts';
import {
  createRequestState,
  getRequestState,
  type RequestState,
  storeFirstByteTime,
} from './request-state.ts';
import { hasStreamHeaderFields } from './stream-detection.ts';

/** Part of the agent that fails if a callback throws. */
const PART = 'the HTTP/2 request metrics';

/** Error codes of HTTP/2 (https://www.rfc-editor.org/rfc/rfc9113#section-7). */
const NO_ERROR = 0;
const INTERNAL_ERROR = 2;

/**
 * Returns whether a version of Node.js publishes the start and the end of each HTTP/2 stream. Older
 * versions publish neither, or only the start.
 */
export function hasHttp2Channels(version: string = process.versions.node): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 3) || (major === 22 && minor >= 18);
}

export interface Http2InstrumentationOptions {
  recorder: RequestRecorder;
  isIgnored: (url: string) => boolean;
  isStreamUrl: (url: string) => boolean;
  resolveTenant: (request: TenantRequest) => Tenant | undefined;
}

interface StreamMessage {
  stream: ServerHttp2Stream;
  headers: IncomingHttpHeaders;
}

/**
 * Records the requests that this process serves over HTTP/2, through the compatibility API or the
 * `stream` event. An HTTP/1 request to an HTTP/2 server uses the channels of HTTP/1. Without a
 * request, `node:http2` isn't loaded.
 */
export function instrumentHttp2(options: Http2InstrumentationOptions): {
  stop: () => void;
  endOpenRequests: () => void;
} {
  const { recorder, isIgnored, isStreamUrl, resolveTenant } = options;
  const openStreams = new Map<ServerHttp2Stream, RequestState>();

  const end = (
    stream: ServerHttp2Stream,
    findReason: (stream: ServerHttp2Stream, state: RequestState) => EndReason,
  ) => {
    const state = openStreams.get(stream);
    if (state === undefined) return;
    openStreams.delete(stream);
    const reason = findReason(stream, state);
    if (state.call !== undefined) {
      endGrpcCall(recorder, state, state.call, stream, reason);
      return;
    }
    const headers = stream.sentHeaders as ServerHttp2Stream['sentHeaders'] | undefined;
    const status = headers && Number(headers[':status']);
    nameRoute(state, status, headers);
    recorder.end(
      state,
      reason,
      status,
      headers !== undefined && hasStreamHeaderFields(headers),
      reason === 'serverFailed' ? stream.errored : undefined,
    );
  };

  const onStart = guard(PART, ({ stream, headers }: StreamMessage) => {
    const { ':method': method = '', ':path': url = '' } = headers;
    // A pushed response belongs to another request, and a tunnel has no response.
    if (isPushed(stream)) return;
    if (method === 'CONNECT' || isIgnored(url)) return leaveRequestContext();
    observeStreams(stream);
    const state = createRequestState(stream, {
      method,
      scheme: stream.session?.encrypted ? 'https' : 'http',
      request: { headers },
      response: undefined,
      isStreamRequest: isStreamUrl(url),
      tenant: resolveTenant({ method, url, headers }),
      openRequests: undefined,
    });
    openStreams.set(stream, state);
    enterRequestContext(state);
  });
  /** Node.js publishes `finish` when it sends the headers of the response. */
  const onHeaders = guard(PART, ({ stream }: StreamMessage) => {
    storeFirstByteTime(getRequestState(stream));
  });
  const onClose = guard(PART, ({ stream }: StreamMessage) => end(stream, findEndReason));

  const start = onStart as (message: unknown) => void;
  const headers = onHeaders as (message: unknown) => void;
  const close = onClose as (message: unknown) => void;
  if (hasHttp2Channels()) {
    subscribe('http2.server.stream.start', start);
    subscribe('http2.server.stream.finish', headers);
    subscribe('http2.server.stream.close', close);
  }
  return {
    stop: () => {
      unsubscribe('http2.server.stream.start', start);
      unsubscribe('http2.server.stream.finish', headers);
      unsubscribe('http2.server.stream.close', close);
    },
    endOpenRequests: () => {
      for (const stream of [...openStreams.keys()]) end(stream, () => 'processEnded');
    },
  };
}

/** Streams that the server starts have even numbers. */
function isPushed({ id = 0 }: ServerHttp2Stream): boolean {
  return id % 2 === 0;
}

/** Returns who closed a stream. Call it while the stream closes. */
function findEndReason(stream: ServerHttp2Stream, state: RequestState): EndReason {
  const { rstCode, errored } = stream;
  if (isComplete(stream)) return 'finished';
  if (errored) return isPeerError(errored) ? 'clientClosed' : 'serverFailed';
  // A lost connection destroys the session with its streams.
  if (stream.destroyed) return stream.session?.destroyed ? 'clientClosed' : 'serverClosed';
  // Clients reset streams with these codes too, and a lost connection closes its streams with another one.
  if (!state.isClosedByServer) return 'clientClosed';
  if (rstCode === INTERNAL_ERROR) return 'serverFailed';
  return rstCode === NO_ERROR ? 'serverClosed' : 'clientClosed';
}

/** Returns whether the server has sent the whole response. */
function isComplete(stream: ServerHttp2Stream): boolean {
  // The writable side of HEAD requests ends before the response.
  if (!stream.headersSent) return false;
  if (stream.writableFinished && !isFileResponse(stream)) return true;
  return stream.rstCode === NO_ERROR && stream.state.localClose === 1;
}

/** Node.js ends the writable side before it sends the file, and removes `_final` of this stream. */
function isFileResponse(stream: ServerHttp2Stream): boolean {
  return (stream._final as unknown) === null;
}

let isObserved = false;

/**
 * Stores what no channel of Node.js publishes: the first byte of a response with a file, and that the
 * server closes a stream. Call it with the first stream. Never throws.
 */
function observeStreams(stream: ServerHttp2Stream): void {
  if (isObserved) return;
  isObserved = true;
  const prototype = Object.getPrototypeOf(stream) as object;
  const observe = (name: string, before: (self: ServerHttp2Stream) => void) =>
    runGuarded(PART, () => observeMethod(PART, prototype, name, { before }));
  observe('respondWithFD', (self) => storeFirstByteTime(getRequestState(self)));
  observe('respondWithFile', (self) => storeFirstByteTime(getRequestState(self)));
  observe('close', (self) => {
    const state = getRequestState(self);
    if (state) state.isClosedByServer = true;
  });
}
