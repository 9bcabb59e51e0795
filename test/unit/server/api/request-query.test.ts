import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import type { PerfscopeError } from '../../../../src/core/perfscope-error.ts';
import { ENDPOINTS } from '../../../../src/server/api/endpoint-registry.ts';
import {
  parsePathParams,
  parseQueryString,
} from '../../../../src/server/api/request/request-parser.ts';
import {
  formatStep,
  getTimeZone,
  parseTimeRange,
  resolveStep,
  toDurationMs,
} from '../../../../src/server/api/request/request-time-range.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';
import type { StoredTable } from '../../../../src/storage/questdb/table-catalog.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const schema = z.strictObject({
  name: z.array(z.string().min(1).max(5)).optional(),
  kind: z.array(z.enum(['a', 'b'])).optional(),
  many: z.int().min(1).max(9).default(3),
  test: z.boolean().default(false),
  text: z.string().max(3).optional(),
});

/** Returns the name and the reason of each invalid parameter. */
function getErrors(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    const { code, params } = error as PerfscopeError;
    expect(code).toBe('PS_REQUEST_INVALID');
    const errors = params.errors as { parameter: string; reason: string; allowed?: string }[];
    return errors.map(({ parameter, reason }) => `${parameter} ${reason}`);
  }
  return [];
}

describe('parseQueryString', () => {
  it.each([
    ['', { many: 3, test: false }],
    ['?name=x&name=a,b', { name: ['x', 'a,b'], many: 3, test: false }],
    ['?kind=a,b&kind=a', { kind: ['a', 'b', 'a'], many: 3, test: false }],
    ['?many=9&test=true', { many: 9, test: true }],
    ['?text=%F0%9F%8F%A8', { text: '🏨', many: 3, test: false }],
  ])('parses %j', (query, expected) => {
    expect(parseQueryString(`/x${query}`, schema)).toEqual(expected);
  });

  it.each([
    ['?nmae=x', 'nmae is not a parameter of this endpoint; did you mean name?'],
    ['?__proto__=x', '__proto__ is not a parameter of this endpoint'],
    ['?constructor[prototype]=x', 'constructor[prototype] is not a parameter of this endpoint'],
    ['?name[]=x', 'name[] is not a parameter of this endpoint; did you mean name?'],
    ['?text=a&text=b', 'text is repeated'],
    ['?many=1e3', 'many must be a number'],
    ['?many=0x10', 'many must be a number'],
    ['?many=NaN', 'many must be a number'],
    ['?many=1.5', 'many must be a whole number'],
    ['?many=10', 'many must be at most 9'],
    ['?test=yes', 'test must be `true` or `false`'],
    ['?kind=c', 'kind must be one of a, b'],
    ['?name=', 'name must not be empty'],
    [`?text=${'x'.repeat(9000)}`, '(query) is too long'],
    [`?${'name=x&'.repeat(201)}`, '(query) has too many parameters'],
  ])('rejects %.40s', (query, error) => {
    expect(getErrors(() => parseQueryString(`/x${query}`, schema))).toEqual([error]);
  });

  it('reports all errors at once', () => {
    expect(getErrors(() => parseQueryString('/x?a=1&many=0&test=1', schema))).toHaveLength(3);
  });

  it('throws only parameter errors for any input, and never modifies a shared object', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.webQueryParameters(), (text, query) => {
        for (const endpoint of Object.values(ENDPOINTS)) {
          const url = `/x?${query}&${encodeURIComponent(text)}=1`;
          getErrors(() => parseQueryString(url, endpoint.query));
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });
});

describe('parseTimeRange', () => {
  const parse = (query: object) => parseTimeRange(query, 'Europe/Vienna', NOW);

  it('defaults to the last 15 minutes', () => {
    expect(parse({})).toEqual({ fromMs: NOW - 15 * MINUTE_MS, toMs: NOW });
    expect(parse({ last: '2d' })).toEqual({ fromMs: NOW - 2 * DAY_MS, toMs: NOW });
    expect(parse({ last: '1h', to: String(NOW - DAY_MS) }).fromMs).toBe(NOW - DAY_MS - HOUR_MS);
  });

  it.each([
    ['2026-11-24T06:00:00.5Z', '2026-11-24T06:00:00.500Z'],
    ['2026-11-24T06:00:00+05:45', '2026-11-24T00:15:00.000Z'],
    ['2026-11-24', '2026-11-23T23:00:00.000Z'],
    ['1795478400000', '2026-11-24T00:00:00.000Z'],
  ])('parses %s in the time zone of the request', (from, expected) => {
    const { fromMs } = parse({ from, to: '2026-11-25T00:00Z' });
    expect(new Date(fromMs).toISOString()).toBe(expected);
  });

  it('ends the range no later than the current time', () => {
    expect(parse({ from: String(NOW - 1000), to: String(NOW + DAY_MS) }).toMs).toBe(NOW);
  });

  it.each([
    [{ from: '2026-11-20', to: '2026-11-20' }, 'from must be before to'],
    [{ from: '2026-11-21', to: '2026-11-20' }, 'from must be before to'],
    [{ from: '2020-01-01' }, 'from makes the time range too long'],
    [{ last: '9999d' }, 'last makes the time range too long'],
    [{ from: '2027-01-01', to: '2027-01-02' }, 'from is in the future'],
    [{ from: '1999-01-01', to: '1999-01-02' }, 'from is too far in the past'],
    [{ from: '-271821-04-20', to: '1999-01-02' }, 'from is not a valid time'],
    [{ from: 'NaN' }, 'from is not a valid time'],
    [{ from: 'Infinity' }, 'from is not a valid time'],
    [{ from: '9999999999999999' }, 'from is not a valid time'],
    [{ to: 'tomorrow', last: '1h' }, 'to is not a valid time'],
    [{ to: '2026-11-20' }, 'from is missing'],
    [{ from: '2026-11-20', last: '1h' }, 'last cannot be combined with from'],
  ])('rejects %j', (query, error) => {
    expect(getErrors(() => parse(query))).toEqual([error]);
  });

  it('accepts only IANA time zones', () => {
    expect(getTimeZone({ timeZone: 'Asia/Kathmandu' }, 'UTC')).toBe('Asia/Kathmandu');
    expect(getTimeZone({}, 'UTC')).toBe('UTC');
    expect(getErrors(() => getTimeZone({ timeZone: "Europe/Wien'" }, 'UTC'))).toHaveLength(1);
  });
});

describe('resolveStep', () => {
  const rows: StoredTable = { name: 'rows', unitMs: 0, fromMs: NOW - 30 * DAY_MS, untilMs: 9e15 };
  const minutes = { ...rows, name: 'm', unitMs: MINUTE_MS, fromMs: NOW - 90 * DAY_MS };
  const hours = { ...rows, name: 'h', unitMs: HOUR_MS, fromMs: Number.NEGATIVE_INFINITY };
  const store = {
    getCatalog: async () => new Map([['t', [rows, minutes, hours]]]),
  } as Partial<QueryClient>;
  const resolve = async (step: string | undefined, days: number, length: string, zone = 'UTC') => {
    const fromMs = NOW - days * DAY_MS;
    const range = { fromMs, toMs: fromMs + toDurationMs(length) };
    const resolved = await resolveStep(step, { range, zone }, store as QueryClient, ['t']);
    return [formatStep(resolved.step.ms), resolved.step.zone, resolved.notes.length];
  };

  it.each([
    ['the default step', undefined, 1, '1d', 'UTC', ['1h', 'UTC', 0]],
    ['the requested step', '90s', 1, '1d', 'UTC', ['90s', 'UTC', 0]],
    ['whole minutes if only minute roll-ups are stored', '90s', 60, '1h', 'UTC', ['2m', 'UTC', 1]],
    ['hours if only hourly roll-ups are stored', '5m', 200, '1d', 'UTC', ['1h', 'UTC', 1]],
    [
      'days in a time zone that hourly roll-ups match',
      '1d',
      200,
      '7d',
      'Europe/Vienna',
      ['1d', 'Europe/Vienna', 0],
    ],
    [
      'UTC days if hourly roll-ups do not match the time zone',
      '1d',
      200,
      '7d',
      'Asia/Kolkata',
      ['1d', 'utc', 1],
    ],
  ])('returns %s', async (_case, step, days, length, zone, expected) => {
    expect(await resolve(step, days, length, zone)).toEqual(expected);
  });

  it.each([
    ['1s', '1d', 'step results in more than 2000 time buckets'],
    ['36h', '7d', 'step is longer than a day, but not a whole number of days'],
  ])('rejects the step %s for a range of %s', async (step, length, expected) => {
    const error = await resolve(step, 7, length).catch((error) => error);
    expect(
      getErrors(() => {
        throw error;
      }),
    ).toEqual([expected]);
  });

  it('formats and parses durations', () => {
    const length = fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom('s', 'm', 'h', 'd'));
    fc.assert(
      fc.property(length, ([count, unit]) => {
        const ms = toDurationMs(`${count}${unit}`);
        expect(toDurationMs(formatStep(ms))).toBe(ms);
      }),
    );
  });
});

it('reports the complete path if an ID in it is invalid', () => {
  const request = { params: { id: '?' }, baseUrl: '', path: '/api/performance/keys/%3F' };
  const params = z.strictObject({ id: z.string().regex(/^\w+$/) });
  expect(() => parsePathParams(request, params)).toThrow(
    '/api/performance/keys/%3F does not exist.',
  );
});
