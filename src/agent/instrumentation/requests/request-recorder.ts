import { recordEvidence } from '../context/caller.ts';
import { markEvent } from '../context/event-loop-blocks.ts';
import { closeStallObserver, takeBlockedMs } from '../context/event-loop-stalls.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import type { EndReason } from './connection-close.ts';
import { RepeatedStatementRecorder } from './repeated-statements.ts';
import { type RequestEnd, RequestHistogram } from './request-histogram.ts';
import { type RequestSampler, type SampledRequest, toSampledRequest } from './request-sampler.ts';
import { NO_REQUEST, type RequestState, readHeader } from './request-state.ts';
import { allowsWaiting, MAX_BODY_MS, MIN_LONG_POLL_MS } from './stream-detection.ts';

/** Boundaries for Prometheus in seconds, as the semantic conventions recommend. */
const REQUEST_DURATION_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const STREAM_DURATION_BOUNDARIES_S = [0.1, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 14_400, 86_400];

export interface RequestRecorderOptions {
  histograms: HistogramRegistry;
  /** Called for each finished request, except streams. */
  onRequest: (durationMs: number, failed: boolean) => void;
  /** Called for each failed request, with the thrown value if known. */
  onServerError?: ((request: SampledRequest, thrown: unknown) => void) | undefined;
  /** Keeps slow and failed requests. */
  sampler: RequestSampler;
}

/**
 * Records each request as `http.server.request.duration`, by method, route, and status. Long-lived
 * responses are recorded as `http.server.stream.duration` instead.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */
export class RequestRecorder {
  readonly #options: RequestRecorderOptions;
  readonly #requests: RequestHistogram;
  readonly #streams: RequestHistogram;
  readonly #repeatedStatements: RepeatedStatementRecorder;

  constructor(options: RequestRecorderOptions) {
    this.#options = options;
    const { histograms } = options;
    const requests = {
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
    const streams = {
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
    this.#requests = histograms.register((...args) => new RequestHistogram(requests, ...args));
    this.#streams = histograms.register((...args) => new RequestHistogram(streams, ...args));
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
    state.ended = true;
    state.openRequests?.remove(state);
    const nowMs = performance.now();
    const durationMs = nowMs - state.startMs;
    const { parts } = state;
    markEvent(state, nowMs, false);
    if (state.evidence !== undefined) recordEvidence(state);
    const eventLoopWaitMs = endBreakdown(state, nowMs, durationMs);
    const firstByteMs = state.firstByteMs > 0 ? state.firstByteMs - state.startMs : durationMs;
    const isStream =
      state.isStreamRequest ||
      (hasStreamHeaders && !state.isSmallFile) ||
      durationMs - firstByteMs > MAX_BODY_MS ||
      // Reading the headers of a request takes a microsecond.
      (firstByteMs >= MIN_LONG_POLL_MS && allowsWaiting(readHeader(state, 'prefer')));
    const outcome = getOutcome(state, reason, status, isStream);
    const failed = outcome === 'failed';
    const aborted = outcome === 'aborted';
    const end = { durationMs, firstByteMs, status, aborted, failed, eventLoopWaitMs, parts };
    (isStream ? this.#streams : this.#requests).record(state, end);
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
    if (end.failed) onServerError?.(request, state.thrown ?? error ?? undefined);
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

type Outcome = 'succeeded' | 'failed' | 'aborted';

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
