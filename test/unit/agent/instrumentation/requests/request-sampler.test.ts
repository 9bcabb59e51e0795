import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toRequestSampleRow } from '../../../../../src/agent/export/metric-exporter.ts';
import {
  getTraceId,
  MAX_FAILED_REQUESTS,
  MAX_SLOW_REQUESTS,
  RequestSampler,
  type SampledRequest,
} from '../../../../../src/agent/instrumentation/requests/request-sampler.ts';

const request = (durationMs: number, status = 200): SampledRequest => ({
  timestampMs: 1_700_000_000_000,
  durationMs,
  method: 'GET',
  scheme: 'http',
  status,
  aborted: false,
  failed: status >= 500,
  errorType: status >= 500 ? String(status) : undefined,
  route: '/a',
  tenant: undefined,
  traceId: undefined,
  parts: undefined,
  omittedPartCount: 0,
});

it('keeps the slowest and the last failed requests of each interval, without duplicates', () => {
  const outcome = fc.record({ ms: fc.integer({ min: 0, max: 50 }), failed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(outcome, { maxLength: 80 }), { maxLength: 3 }), (intervals) => {
      const sampler = new RequestSampler();
      for (const interval of intervals) {
        const all = interval.map(({ ms, failed }) => request(ms, failed ? 500 : 200));
        for (const each of all) {
          const failed = each.status === 500;
          if (sampler.shouldSample(each.durationMs, failed)) sampler.add(each, false);
        }
        const samples = sampler.takeSamples();
        expect(new Set(samples).size).toBe(samples.length);
        const failed = all.filter(({ status }) => status === 500).slice(-MAX_FAILED_REQUESTS);
        expect(samples).toEqual(expect.arrayContaining(failed));
        const sortedDurations = (requests: SampledRequest[]) =>
          requests.map(({ durationMs }) => durationMs).sort((a, b) => b - a);
        expect(sortedDurations(samples).slice(0, MAX_SLOW_REQUESTS)).toEqual(
          sortedDurations(all).slice(0, MAX_SLOW_REQUESTS),
        );
        expect(samples.length).toBeLessThanOrEqual(MAX_SLOW_REQUESTS + MAX_FAILED_REQUESTS);
      }
    }),
  );
});

it('samples a successful request only if it is slower than those already kept', () => {
  const sampler = new RequestSampler();
  for (let i = 0; i < MAX_SLOW_REQUESTS; i++) sampler.add(request(5), false);
  expect(sampler.shouldSample(5, false)).toBe(false);
  expect(sampler.shouldSample(5, true)).toBe(true);
  expect(sampler.shouldSample(5.1, false)).toBe(true);
  sampler.takeSamples();
  expect(sampler.shouldSample(0, false)).toBe(true);
});

it.each([
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '0af7651916cd43dd8448eb211c80319c'],
  [
    'cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later',
    '0af7651916cd43dd8448eb211c80319c',
  ],
  ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', undefined],
  ['00-00000000000000000000000000000000-b7ad6b7169203331-01', undefined],
  ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', undefined],
  ['00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01', undefined],
  ["'; DROP TABLE alerts", undefined],
  [undefined, undefined],
])('reads the trace ID of %s', (traceparent, traceId) => {
  expect(getTraceId({ request: { headers: { traceparent } } })).toBe(traceId);
});

it('creates rows that do not change any sum, count, or percentile', () => {
  const tenant = { organizationId: 'o', propertyId: 'p', userId: 'u' };
  const failed = { ...request(12, 503), tenant, traceId: '0af7651916cd43dd8448eb211c80319c' };
  const row = toRequestSampleRow(failed, { service: 's', instance: 'i' }, 'id');
  expect(row).toMatchObject({
    metricType: 'CUSTOM',
    name: 'http.server.request.sample',
    value: 12,
    unit: 'ms',
    count: 0,
    errorCount: 0,
    abortedCount: 0,
    endpoint: '/a',
    operation: 'GET',
    ...tenant,
  });
  expect(row).not.toHaveProperty('sum');
  expect(JSON.parse(row?.tags ?? '')).toEqual({
    'url.scheme': 'http',
    'http.response.status_code': 503,
    'error.type': '503',
    trace_id: failed.traceId,
  });
});
