import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MAX_SERIES } from '../../../../../src/agent/instrumentation/histograms/cardinality-limit.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { getOriginTarget } from '../../../../../src/agent/instrumentation/outgoing/call-target.ts';
import {
  OutgoingCall,
  OutgoingRecorder,
} from '../../../../../src/agent/instrumentation/outgoing/outgoing-recorder.ts';
import { runWithUrlTemplate } from '../../../../../src/agent/instrumentation/outgoing/url-template.ts';

let histograms: HistogramRegistry;
let recorder: OutgoingRecorder;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  histograms = new HistogramRegistry(() => {});
  recorder = new OutgoingRecorder(histograms);
});
afterEach(() => {
  vi.useRealTimers();
});

const createCall = (origin = 'https://api.example') =>
  OutgoingCall.createHttp('GET', getOriginTarget(origin));

function collect() {
  const metrics = histograms.collectDelta(0).flatMap((scope) => scope.metrics);
  return metrics.flatMap(({ dataPoints }) =>
    [...dataPoints].map(({ attributes, value }) => {
      const { count, sum = 0 } = value as { count: number; sum?: number };
      return { attributes, count, ms: Math.round(sum * 1000) };
    }),
  );
}

const HOST = { 'http.request.method': 'GET', 'server.address': 'api.example', 'server.port': 443 };
const OK = { ...HOST, 'http.response.status_code': 200 };

it('records a call when its body ended', () => {
  const call = createCall();
  vi.advanceTimersByTime(100);
  recorder.receiveHeaders(call, 200);
  vi.advanceTimersByTime(400);
  recorder.end(call);
  recorder.end(call);
  expect(collect()).toEqual([{ attributes: OK, count: 1, ms: 500 }]);
});

it('keeps a limited number of calls whose body is open', () => {
  const calls = Array.from({ length: 15_000 }, () => createCall());
  vi.advanceTimersByTime(100);
  for (const call of calls) recorder.receiveHeaders(call, 200);
  expect(collect()).toEqual([{ attributes: OK, count: 5000, ms: 500_000 }]);
  vi.advanceTimersByTime(100);
  for (const call of calls) recorder.end(call);
  for (const call of calls) recorder.end(call);
  expect(collect()).toEqual([{ attributes: OK, count: 10_000, ms: 2_000_000 }]);
  const later = Array.from({ length: 10_000 }, () => createCall());
  for (const call of later) recorder.receiveHeaders(call, 200);
  expect(collect()).toEqual([]);
});

it('records a call whose body is open for more than a minute, until its headers', () => {
  const [open, ended, late] = [createCall(), createCall(), createCall()];
  vi.advanceTimersByTime(100);
  for (const call of [open, ended]) recorder.receiveHeaders(call, 200);
  recorder.end(ended);
  vi.advanceTimersByTime(50_000);
  recorder.receiveHeaders(late, 200);
  expect(collect()).toEqual([{ attributes: OK, count: 1, ms: 100 }]);
  vi.advanceTimersByTime(20_000);
  expect(collect()).toEqual([{ attributes: OK, count: 1, ms: 100 }]);
  // The end of the body is then ignored.
  recorder.end(open);
  expect(collect()).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(collect()).toEqual([{ attributes: OK, count: 1, ms: 50_100 }]);
});

it('records the calls with headers when the process ends', () => {
  const [waiting, open] = [createCall(), createCall()];
  recorder.receiveHeaders(open, 503);
  recorder.endOpenCalls();
  const attributes = { ...HOST, 'http.response.status_code': 503, 'error.type': '503' };
  expect(collect()).toEqual([{ attributes, count: 1, ms: 0 }]);
  expect(waiting.ended).toBe(false);
});

it.each([
  ['a canceled body is not a failure', 'AbortError', OK],
  ['a body that timed out is a failure', 'TimeoutError', { ...OK, 'error.type': 'timeout' }],
])('%s', (_case, name, attributes) => {
  const call = createCall();
  recorder.receiveHeaders(call, 200);
  recorder.fail(call, { name });
  expect(collect()).toEqual([{ attributes, count: 1, ms: 0 }]);
});

it('keeps the order of open bodies when any of them ends', () => {
  const calls = Array.from({ length: 5 }, () => createCall());
  for (const call of calls) recorder.receiveHeaders(call, 200);
  for (const i of [2, 0, 4]) recorder.end(calls[i]!);
  recorder.endOpenCalls();
  expect(calls.map(({ ended }) => ended)).toEqual([true, true, true, true, true]);
  expect(collect()).toMatchObject([{ count: 5 }]);
});

it('records the template of the current context', () => {
  const end = (template: unknown) => {
    const call = runWithUrlTemplate(template, () => createCall());
    recorder.fail(call, { code: 'ECONNREFUSED' });
    return collect()[0]?.attributes['url.template'];
  };
  expect(end('/rooms/{id}')).toBe('/rooms/{id}');
  for (const invalid of ['/rooms?id=7', '/rooms#7', 'http://x/rooms', '', 'x'.repeat(256), '\n', 7])
    expect(end(invalid), String(invalid)).toBeUndefined();
});

it('combines the hosts over the limit, and counts each call', () => {
  for (let i = 0; i < 100_000; i++) {
    const call = createCall(`https://host-${i}.example`);
    recorder.fail(call, { code: i % 2 === 0 ? 'ECONNREFUSED' : 'ENOTFOUND' });
  }
  const points = collect();
  expect(points).toHaveLength(MAX_SERIES + 2);
  expect(points.reduce((sum, { count }) => sum + count, 0)).toBe(100_000);
  expect(points.slice(-2).map(({ attributes }) => attributes)).toEqual(
    ['refused', 'dns'].map((kind) => ({
      'server.address': '(other)',
      'error.type': kind,
      'otel.metric.overflow': true,
    })),
  );
});
