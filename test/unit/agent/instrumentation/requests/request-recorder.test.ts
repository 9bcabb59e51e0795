import { afterEach, expect, it, vi } from 'vitest';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import type { EndReason } from '../../../../../src/agent/instrumentation/requests/connection-close.ts';
import { RequestRecorder } from '../../../../../src/agent/instrumentation/requests/request-recorder.ts';
import { RequestSampler } from '../../../../../src/agent/instrumentation/requests/request-sampler.ts';
import { allowsWaiting } from '../../../../../src/agent/instrumentation/requests/stream-detection.ts';
import { createTestRequestState } from '../../../../support/request-measurements.ts';

const SECOND_MS = 1000;
const NOW_MS = 100 * SECOND_MS;
afterEach(() => vi.restoreAllMocks());

/** Records a request, and returns the name of the histogram that contains it. */
function recordRequest(
  { bodyMs, prefer, waitMs = 5 * SECOND_MS }: { bodyMs: number; prefer?: string; waitMs?: number },
  reason: EndReason = 'finished',
) {
  const histograms = new HistogramRegistry(() => {});
  const options = { histograms, sampler: new RequestSampler(), onRequest: () => {} };
  const recorder = new RequestRecorder(options);
  vi.spyOn(performance, 'now').mockReturnValue(NOW_MS);
  const state = {
    ...createTestRequestState({}),
    startMs: NOW_MS - bodyMs - waitMs,
    firstByteMs: NOW_MS - bodyMs,
    request: { headers: { prefer } },
  };
  recorder.end(state, reason, 200, false, undefined);
  return [...histograms.getOpenSeries()].map(({ options: { name }, series }) => [
    name,
    series.delta.count,
  ]);
}

const REQUEST = [['http.server.request.duration', 1]];
const STREAM = [['http.server.stream.duration', 1]];

it.each([
  ['a slow response with a short body', { bodyMs: 0 }, REQUEST],
  ['a body of less than a second', { bodyMs: 0.9 * SECOND_MS }, REQUEST],
  ['a body of more than a second', { bodyMs: 1.1 * SECOND_MS }, STREAM],
  ['a response that waited', { bodyMs: 0, prefer: 'wait=10' }, STREAM],
])('%s', (_name, request, expected) => {
  expect(recordRequest(request)).toEqual(expected);
});

it('counts a long body whose client leaves as an ended stream, and a short one as aborted', () => {
  expect(recordRequest({ bodyMs: 2 * SECOND_MS }, 'clientClosed')).toEqual(STREAM);
  expect(recordRequest({ bodyMs: 0 }, 'clientClosed')).toEqual([
    ['http.server.request.duration', 0],
  ]);
});

it('a fast response is an ordinary one, although the client allowed the server to wait', () => {
  expect(recordRequest({ bodyMs: 0, waitMs: 99, prefer: 'wait=10' })).toEqual(REQUEST);
});

it.each([
  ['wait=10', true],
  ['respond-async, Wait = 10', true],
  ['return=minimal', false],
  ['return=await', false],
  [undefined, false],
])('Prefer: %s allows waiting: %s', (prefer, expected) => {
  expect(allowsWaiting(prefer)).toBe(expected);
});
