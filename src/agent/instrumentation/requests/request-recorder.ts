import { recordEvidence } from '../context/caller.ts';
import { markEvent } from '../context/event-loop-blocks.ts';
import { closeStallObserver, takeBlockedMs } from '../context/event-loop-stalls.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import type { EndReason } from './connection-close.ts';
import { RepeatedStatementRecorder } from './repeated-statements.ts';
import {
  type RequestEnd,
  RequestHistogram,
  type RequestHistogramOptions,
} from './request-histogram.ts';
import { GRPC, WEBSOCKET } from './request-protocol.ts';
import { type RequestSampler, type SampledRequest, toSampledRequest } from './request-sampler.ts';
import { NO_REQUEST, type RequestState, readHeader, type ServedCall } from './request-state.ts';
import { allowsWaiting, MAX_BODY_MS, MIN_LONG_POLL_MS } from './stream-detection.ts';

/** Boundaries for Prometheus in seconds, as the semantic conventions recommend. */
const REQUEST_DURATION_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const STREAM_DURATION_BOUNDARIES_S = [0.1, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 14_400, 86_400];

const HTTP_REQUESTS: RequestHistogramOptions = {
  scope: 'perfscope.http',
  name: 'http.server.request.duration',
  unit: 's',
  description: 'Duration of HTTP server requests.',
  boundaries: REQUEST_DURATION_BOUNDARIES_S,
  abortedCounter: {
    name: 'perfscope.http.request.aborted',
    description: 'Number of requests that the client aborted.',
  },
};
const HTTP_STREAMS: RequestHistogramOptions = {
  scope: 'perfscope.http',
  name: 'http.server.stream.duration',
  unit: 's',
  description: 'Time that long-lived HTTP responses were open.',
  boundaries: STREAM_DURATION_BOUNDARIES_S,
  abortedCounter: {
    name: 'perfscope.http.stream.aborted',
    description: 'Number of streams that the client closed before the first byte.',
  },
};
const GRPC_CALLS: RequestHistogramOptions = {
  scope: 'perfscope.rpc',
  name: 'rpc.server.call.duration',
  unit: 's',
  description: 'Duration of gRPC calls with one request and one response.',
  boundaries: REQUEST_DURATION_BOUNDARIES_S,
  protocol: GRPC,
  abortedCounter: {
    name: 'perfscope.rpc.call.aborted',
    description: 'Number of gRPC calls that the client canceled.',
  },
};
const GRPC_STREAMS: RequestHistogramOptions = {
  scope: 'perfscope.rpc',
  name: 'perfscope.rpc.stream.duration',
  unit: 's',
  description: 'Time that gRPC calls with streams were open.',
  boundaries: STREAM_DURATION_BOUNDARIES_S,
  protocol: GRPC,
  abortedCounter: {
    name: 'perfscope.rpc.stream.aborted',
    description: 'Number of gRPC calls with streams that the client canceled.',
  },
};
const WEBSOCKET_MESSAGES: RequestHistogramOptions = {
  scope: 'perfscope.websocket',
  name: 'perfscope.websocket.message.duration',
  unit: 's',
  description: 'Time until the handlers of a WebSocket message have finished.',
  boundaries: REQUEST_DURATION_BOUNDARIES_S,
  protocol: WEBSOCKET,
  abortedCounter: {
    name: 'perfscope.websocket.message.aborted',
    description:
      'Number of WebSocket messages whose handlers were running when the connection closed.',
  },
};

export interface RequestRecorderOptions {
  histograms: HistogramRegistry;
  /** Called for each finished request, except streams. */
  onRequest: (durationMs: number, failed: boolean) => void;
  /** Called for each failed request, with the thrown value if known. */
  onServerError?: ((request: SampledRequest, thrown: unknown) => void) | undefined;
  /** Keeps slow and failed requests. */
  sampler: RequestSampler;
}

/** The histograms of a protocol. */
interface ProtocolHistograms {
  readonly requests: RequestHistogram;
  readonly streams: RequestHistogram;
}

/**
 * Records each request as `http.server.request.duration`, by method, route, and status. Long-lived
 * responses are recorded as `http.server.stream.duration` instead. Calls of gRPC and messages of WebSockets have their
 * own histograms.
 *
 * Sources: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/,
 * https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
 */
export class RequestRecorder {
  readonly #options: RequestRecorderOptions;
  readonly #http: ProtocolHistograms;
  readonly #grpc: ProtocolHistograms;
  readonly #messages: RequestHistogram;
  readonly #repeatedStatements: RepeatedStatementRecorder;

  constructor(options: RequestRecorderOptions) {
    this.#options = options;
    const { histograms } = options;
    const create = (histogram: RequestHistogramOptions) =>
      histograms.register((...args) => new RequestHistogram(histogram, ...args));
    this.#http = { requests: create(HTTP_REQUESTS), streams: create(HTTP_STREAMS) };
    this.#grpc = { requests: create(GRPC_CALLS), streams: create(GRPC_STREAMS) };
    this.#messages = create(WEBSOCKET_MESSAGES);
    this.#repeatedStatements = new RepeatedStatementRecorder(histograms);
  }

  /**
   * Records a request once. The parameters are not an object, because this runs for each request.
   *
   * @param status undefined if no headers were sent
   * @param hasStreamHeaders whether the headers of the response belong to a stream
   * @param error the error with which the server destroyed the response or its connection
   */
  end(
    state: RequestState,
    reason: EndReason,
    status: number | undefined,
    hasStreamHeaders: boolean,
    error: unknown,
  ): void {
    if (state.ended) return;
    const nowMs = performance.now();
    const durationMs = nowMs - state.startMs;
    const firstByteMs = getFirstByteMs(state, durationMs);
    const isStream =
      state.isStreamRequest ||
      (hasStreamHeaders && !state.isSmallFile) ||
      durationMs - firstByteMs > MAX_BODY_MS ||
      // Reading the headers of a request takes a microsecond.
      (firstByteMs >= MIN_LONG_POLL_MS && allowsWaiting(readHeader(state, 'prefer')));
    const outcome = getOutcome(state, reason, status, isStream);
    const histogram = isStream ? this.#http.streams : this.#http.requests;
    this.#end(state, nowMs, { histogram, isStream, outcome, status, error });
  }

  /**
   * Records a call of another protocol once.
   *
   * @param status status of the protocol, if it has one
   * @param error the error that ended the call, if the handler didn't throw it
   */
  endCall(
    state: RequestState,
    { protocol, isStream }: ServedCall,
    outcome: Outcome,
    status: number | undefined,
    error: unknown,
  ): void {
    if (state.ended) return;
    const calls = isStream ? this.#grpc.streams : this.#grpc.requests;
    const histogram = protocol === 'grpc' ? calls : this.#messages;
    this.#end(state, performance.now(), { histogram, isStream, outcome, status, error });
  }

  #end(state: RequestState, nowMs: number, result: RequestResult): void {
    const { histogram, isStream, outcome, status, error } = result;
    state.ended = true;
    state.openRequests?.remove(state);
    const durationMs = nowMs - state.startMs;
    const { parts } = state;
    markEvent(state, nowMs, false);
    if (state.evidence !== undefined) recordEvidence(state);
    const eventLoopWaitMs = endBreakdown(state, nowMs, durationMs);
    const firstByteMs = getFirstByteMs(state, durationMs);
    const failed = outcome === 'failed';
    const aborted = outcome === 'aborted';
    const end = { durationMs, firstByteMs, status, aborted, failed, eventLoopWaitMs, parts };
    histogram.record(state, end);
    if (!isStream && !aborted) {
      this.#options.onRequest(durationMs, failed);
      const repeated = parts?.getMostRepeated();
      if (repeated !== undefined) this.#repeatedStatements.record(state, repeated);
    }
    this.#sample(state, end, isStream, error);
    // Release everything else. The application and the asynchronous context can keep a reference to the state.
    state.thrown = undefined;
    state.parts = undefined;
    state.response = undefined;
    state.request = NO_REQUEST;
  }

  #sample(state: RequestState, end: RequestEnd, isStream: boolean, error: unknown): void {
    const { sampler, onServerError } = this.#options;
    const isCandidate = isStream ? end.failed : sampler.shouldSample(end.durationMs, end.failed);
    if (!isCandidate) return;
    const request = toSampledRequest(state, end);
    sampler.add(request, isStream);
    // The error of a message is an unhandled rejection or an uncaught exception, which the process reports.
    const isReported = state.call?.protocol === 'websocket';
    if (end.failed && !isReported) onServerError?.(request, state.thrown ?? error ?? undefined);
  }
}

/**
 * Attributes the time until the end of a request. Must be called once for each request.
 *
 * @returns time in which other code blocked the event loop, in ms
 */
function endBreakdown(state: RequestState, nowMs: number, durationMs: number): number {
  const { parts } = state;
  let waitMs: number;
  if (parts === undefined) waitMs = Math.min(durationMs, takeBlockedMs(state, nowMs));
  else {
    parts.finish(nowMs);
    waitMs = parts.eventLoopWaitTime;
  }
  closeStallObserver();
  return waitMs;
}

/** Whether a request succeeded. A request that the client aborted has no result. */
export type Outcome = 'succeeded' | 'failed' | 'aborted';

/** How a request ended, and where it is recorded. */
interface RequestResult {
  readonly histogram: RequestHistogram;
  readonly isStream: boolean;
  readonly outcome: Outcome;
  readonly status: number | undefined;
  readonly error: unknown;
}

function getFirstByteMs({ startMs, firstByteMs }: RequestState, durationMs: number): number {
  return firstByteMs > 0 ? firstByteMs - startMs : durationMs;
}

function getOutcome(
  state: RequestState,
  reason: EndReason,
  status: number | undefined,
  isStream: boolean,
): Outcome {
  if (state.hasFailedAfterHeaders || reason === 'serverFailed') return 'failed';
  if (reason === 'finished') return (status ?? 0) >= 500 ? 'failed' : 'succeeded';
  // Either side can close a stream at any time.
  if (isStream && status !== undefined) return status >= 500 ? 'failed' : 'succeeded';
  // A server that closes all connections, for example when it stops, has not failed to respond.
  return reason !== 'clientClosed' && status !== undefined ? 'failed' : 'aborted';
}
