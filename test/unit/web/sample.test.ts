import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiResponse } from '../../../src/client/api-types.ts';
import { nestParts, readSample, type SamplePart } from '../../../src/web/data/sample.ts';

type Metric = ApiResponse<'metrics'>['metrics'][number];

const createRow = (tags: unknown, more: Partial<Metric> = {}) =>
  ({
    id: 'a1',
    at: '2026-11-29T10:00:00.000Z',
    operation: 'GET',
    endpoint: '/rooms/:id',
    duration: 120,
    service: 'shop',
    tags,
    ...more,
  }) as Metric;

describe('readSample', () => {
  it('reads a request with its parts', () => {
    const part = { kind: 'database', name: 'SELECT 1', start: 3, duration: 4, failed: false };
    const tags = {
      'http.response.status_code': 503,
      'error.type': 'TypeError',
      trace_id: 'abc',
      parts: [part],
      parts_omitted: 2,
    };
    expect(readSample(createRow(tags))).toEqual({
      id: 'a1',
      atMs: Date.parse('2026-11-29T10:00:00Z'),
      name: 'GET /rooms/:id',
      durationMs: 120,
      status: 503,
      errorType: 'TypeError',
      isFailed: true,
      isAborted: false,
      traceId: 'abc',
      parts: [part],
      omittedParts: 2,
      service: 'shop',
    });
  });

  it.each([
    [{ 'http.response.status_code': 499 }, false],
    [{ 'http.response.status_code': 500 }, true],
    [{ 'http.response.status_code': '502' }, true],
    [{ 'error.type': 'timeout' }, true],
    [{ 'error.type': '' }, false],
    [{}, false],
    [undefined, false],
  ])('with the tags %j is failed: %s', (tags, isFailed) => {
    expect(readSample(createRow(tags)).isFailed).toBe(isFailed);
  });

  it('shows requests without a response as aborted, and without a status', () => {
    const sample = readSample(createRow({ 'perfscope.request.aborted': true }));
    expect(sample).toMatchObject({ isAborted: true, isFailed: false, status: undefined });
  });

  it('uses the value if there is no duration', () => {
    const { duration: _duration, ...row } = createRow({}, { value: 7 });
    expect(readSample(row).durationMs).toBe(7);
  });

  it('ignores parts of applications that have another form', () => {
    const parts = [null, 3, 'a', {}, { start: '1', duration: 2 }, { start: 1, duration: 2 }];
    expect(readSample(createRow({ parts })).parts).toEqual([{ start: 1, duration: 2 }]);
  });

  it('reads tags with any values', () => {
    const names = ['http.response.status_code', 'error.type', 'trace_id', 'parts', 'parts_omitted'];
    const tags = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
    fc.assert(
      fc.property(tags, (value) => {
        const { status = 0, omittedParts, traceId = '', parts } = readSample(createRow(value));
        expect([typeof status, typeof omittedParts, typeof traceId]).toEqual([
          'number',
          'number',
          'string',
        ]);
        expect(Number.isFinite(status)).toBe(true);
        expect(Number.isFinite(omittedParts)).toBe(true);
        expect(parts.every(({ start, duration }) => Number.isFinite(start + duration))).toBe(true);
      }),
    );
  });
});

describe('nestParts', () => {
  it('indents parts inside functions, and not concurrent ones', () => {
    const createPart = (kind: SamplePart['kind'], start: number, duration: number): SamplePart => ({
      ...{ kind, name: '', start, duration, failed: false },
    });
    const nested = nestParts([
      createPart('function', 0, 100),
      createPart('function', 0, 50),
      createPart('database', 10, 20),
      createPart('function', 40, 60),
      createPart('outgoing', 60, 10),
      createPart('database', 90, 20),
      createPart('database', 120, 1),
    ]);
    expect(nested.map(({ depth }) => depth)).toEqual([0, 1, 2, 1, 2, 0, 0]);
  });
});
