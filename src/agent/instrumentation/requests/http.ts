import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { guard } from '../../../core/guard.ts';
import {
  enterRequestContext,
  leaveRequestContext,
  type Tenant,
} from '../context/tenant-context.ts';
import type { TenantRequest } from '../context/tenant-reader.ts';
import { type EndReason, readResponseError } from './connection-close.ts';
import { observeFirstBytes } from './first-byte.ts';
import { instrumentHttp2 } from './http2.ts';
import { nameRoute } from './name-route.ts';
import { createPathMatcher } from './path-matcher.ts';
import { RequestRecorder, type RequestRecorderOptions } from './request-recorder.ts';
import {
  createRequestState,
  getHttp1State,
  getScheme,
  OpenConnections,
  type RequestState,
} from './request-state.ts';
import { hasStreamHeaders, isPollingUrl } from './stream-detection.ts';

/** Part of the agent that fails if a callback throws. */
const PART = 'the request metrics';

export interface HttpInstrumentationOptions extends RequestRecorderOptions {
  /** Paths that are not recorded. A trailing `*` matches any suffix. */
  ignoreRoutes: readonly string[];
  /** Paths whose responses are streams, such as long polling. A trailing `*` matches any suffix. */
  streamRoutes: readonly string[];
  /** Returns whether a server belongs to Perfscope. Its requests are not recorded. */
  isOwnServer: (server: Server) => boolean;
  /** Returns the tenant of a request. */
  resolveTenant: (request: TenantRequest) => Tenant | undefined;
}

interface HttpChannelMessage {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/**
 * Records each request that this process serves over HTTP/1 and HTTP/2. It subscribes to the
 * diagnostics channels of Node.js.
 *
 * @returns the recorder, and functions that stop recording, and that record the open requests because the process ends
 */
export function instrumentHttp(options: HttpInstrumentationOptions): {
  recorder: RequestRecorder;
  stop: () => void;
  endOpenRequests: () => void;
} {
  const recorder = new RequestRecorder(options);
  const isIgnored = createPathMatcher(options.ignoreRoutes);
  const isStreamRoute = createPathMatcher(options.streamRoutes);
  const isStreamUrl = (url: string) => isStreamRoute(url) || isPollingUrl(url);
  const resolveTenant = (request: TenantRequest) => {
    try {
      return options.resolveTenant(request);
    } catch {
      return undefined;
    }
  };

  const end = (state: RequestState, reason: EndReason) => {
    const response = state.response as ResponseInternals | undefined;
    if (response === undefined) return;
    const isSent = reason === 'finished' || response.headersSent;
    const { _header: headers } = response;
    nameRoute(state, isSent ? response.statusCode : undefined, headers);
    recorder.end(
      state,
      reason,
      isSent ? readSentStatus(response) : undefined,
      isSent && typeof headers === 'string' && hasStreamHeaders(headers),
      reason === 'serverFailed'
        ? (readResponseError(response) ?? response.req.socket.errored)
        : undefined,
    );
  };
  // A response that can't be read must not prevent the other open requests from being recorded.
  const connections = new OpenConnections(guard(PART, end));
  const onStart = guard(PART, ({ request, response, server }: HttpChannelMessage) => {
    // Read the properties now, because frameworks modify the request and make them slow to read.
    const { method = '', url = '', socket } = request;
    if (options.isOwnServer(server) || isIgnored(url)) return leaveRequestContext();
    observeFirstBytes(PART);
    const openRequests = connections.getOpenRequests(socket);
    const state = createRequestState(request, {
      method,
      scheme: getScheme(socket),
      request,
      response,
      isStreamRequest: isStreamUrl(url),
      tenant: resolveTenant(request),
      openRequests,
    });
    openRequests.add(state);
    enterRequestContext(state);
  });
  const onFinish = guard(PART, ({ request }: HttpChannelMessage) => {
    const state = getHttp1State(request);
    if (state) end(state, 'finished');
  });

  const start = onStart as (message: unknown) => void;
  const finish = onFinish as (message: unknown) => void;
  subscribe('http.server.request.start', start);
  subscribe('http.server.response.finish', finish);
  const http2 = instrumentHttp2({ recorder, isIgnored, isStreamUrl, resolveTenant });
  return {
    recorder,
    stop: () => {
      unsubscribe('http.server.request.start', start);
      unsubscribe('http.server.response.finish', finish);
      http2.stop();
    },
    endOpenRequests: () => {
      connections.completeAll();
      http2.endOpenRequests();
    },
  };
}

/** Private field of Node.js with the headers as text (lib/_http_outgoing.js). */
interface ResponseInternals extends ServerResponse {
  readonly _header?: string | null;
}

/**
 * Returns the status that was sent. An application can change `statusCode` after the headers were sent, which has no
 * effect on the response. The headers start with `HTTP/1.1 200`.
 */
function readSentStatus({ _header: headers, statusCode }: ResponseInternals): number {
  if (typeof headers !== 'string') return statusCode;
  const digit = (i: number) => headers.charCodeAt(i) - 48;
  const status = digit(9) * 100 + digit(10) * 10 + digit(11);
  return status >= 100 && status < 1000 ? status : statusCode;
}
