import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeFailure,
  getPathAdvice,
  parsePartialSuccess,
  parseRetryAfter,
} from '../../../../src/agent/otlp-export/otlp-response.ts';
import type { HttpResponse } from '../../../../src/core/http/http-connection.ts';
import { encodeExportResponse } from '../../../../src/server/otlp/decode/otlp-response.ts';

const TYPES = { protobuf: 'application/x-protobuf', json: 'application/json' } as const;

function createResponse(body: Uint8Array, type: string, status = 200): HttpResponse {
  const bodyBytes = Buffer.from(body);
  const headers = new Map([['content-type', type]]);
  return { status, statusText: 'Text', headers, bodyBytes, body: bodyBytes.toString() };
}

describe.each(['protobuf', 'json'] as const)('a response in %s', (encoding) => {
  const parse = (body: Uint8Array) => parsePartialSuccess(createResponse(body, TYPES[encoding]));

  it('without a partial success is complete', () => {
    expect(parse(encodeExportResponse('metrics', encoding))).toBeUndefined();
    expect(parse(Buffer.alloc(0))).toBeUndefined();
  });

  it.each([
    [1, 'bad'],
    [300, 'too old\nand too new'],
    [2 ** 40, 'many'],
    [0, 'only a warning'],
  ])('has %d rejected points and the reason', (rejected, message) => {
    const body = encodeExportResponse('metrics', encoding, { rejected, message });
    expect(parse(body)).toEqual({ rejected, message: message.replace('\n', ' ') });
  });

  it('is ignored if it is invalid', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (body) => {
        const { rejected = 0 } = parse(body) ?? {};
        expect(rejected).toBeGreaterThanOrEqual(0);
        expect(typeof describeFailure(createResponse(body, TYPES[encoding], 400))).toBe('string');
      }),
    );
  });
});

it.each([
  ['null', undefined],
  ['[]', undefined],
  ['{"partialSuccess":5}', undefined],
  ['{"partialSuccess":{"rejectedDataPoints":-1,"errorMessage":7}}', undefined],
  ['{"partialSuccess":{"rejectedDataPoints":2}}', { rejected: 2, message: '' }],
])('reads the JSON %s', (body, expected) => {
  expect(parsePartialSuccess(createResponse(Buffer.from(body), TYPES.json))).toEqual(expected);
});

it('does not repeat secrets or long texts of the endpoint', () => {
  const text = `Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789 ${'x'.repeat(1000)}`;
  const failure = describeFailure(createResponse(Buffer.from(text), 'text/plain', 401));
  expect(failure).toMatch(/^HTTP 401 /);
  expect(failure).not.toContain('abcdefghijklmnopqrstuvwxyz');
  expect(failure.length).toBeLessThan(400);
});

it.each([
  [undefined, undefined],
  ['', undefined],
  ['0', 0],
  ['120', 120_000],
  ['99999999999', 86_400_000],
  ['Sat, 28 Nov 2026 00:00:30 GMT', 30_000],
  ['Fri, 27 Nov 2026 00:00:00 GMT', 0],
  ['soon', undefined],
])('waits for Retry-After %s', (text, expected) => {
  expect(parseRetryAfter(text, Date.UTC(2026, 10, 28))).toBe(expected);
});

it.each([
  ['application/problem+json', { title: 'Not found', detail: 'No such path.' }, 'No such path'],
  ['application/problem+json', { title: 'Not found', status: 404 }, 'Not found'],
  ['application/json', { code: 5, message: 'no tenant' }, 'no tenant'],
  ['application/json', { error: { message: 'no license' } }, 'no license'],
  ['application/json', { error: 'no license' }, 'no license'],
  ['application/json', { detail: 5 }, 'Text'],
])('reads the reason in %s', (type, body, expected) => {
  const response = createResponse(Buffer.from(JSON.stringify(body)), type, 404);
  expect(describeFailure(response)).toBe(`HTTP 404 ${expected}`);
});

it('keeps the instruction to send a key', () => {
  const message = 'Create an API key and send it as `Authorization: Bearer …`.';
  const response = createResponse(Buffer.from(JSON.stringify({ message })), TYPES.json, 401);
  expect(describeFailure(response)).toBe(`HTTP 401 ${message.slice(0, -1)}`);
});

it.each([
  [404, '/v1/metrics/v1/metrics', /^Remove `\/v1\/metrics` from OTEL_EXPORTER_OTLP_ENDPOINT/],
  [404, '/otlp/v1/metrics//v1/metrics?a=b', /^Remove `\/v1\/metrics` from/],
  [404, '/v1/traces/v1/metrics', /^Remove `\/v1\/traces` from/],
  [404, '/', /^OTEL_EXPORTER_OTLP_METRICS_ENDPOINT must contain/],
  [404, '/v1/metrics', undefined],
  [401, '/v1/metrics/v1/metrics', undefined],
])('advises how to correct the path after status %d for %s', (status, path, expected) => {
  const advice = getPathAdvice(status, `https://otlp.example${path}`);
  if (expected === undefined) expect(advice).toBeUndefined();
  else expect(advice).toMatch(expected);
});
