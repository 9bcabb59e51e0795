import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import type { PerfscopeError } from '../../../../src/core/errors.ts';
import { ENDPOINTS } from '../../../../src/server/api/endpoint-registry.ts';
import { parseQueryString } from '../../../../src/server/api/request/request-parser.ts';
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

/** What an error says of each parameter: its name and the beginning of the reason. */
function faultsOf(run: () => unknown): string[] {
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

describe('a query string', () => {
  it.each([
    ['', { many: 3, test: false }],
    ['?name=x&name=a,b', { name: ['x', 'a,b'], many: 3, test: false }],
    ['?kind=a,b&kind=a', { kind: ['a', 'b', 'a'], many: 3, test: false }],
    ['?many=9&test=true', { many: 9, test: true }],
    ['?text=%F0%9F%8F%A8', { text: '🏨', many: 3, test: false }],
  ])('means what its schema says: %s', (query, meant) => {
    expect(parseQueryString(`/x${query}`, schema)).toEqual(meant);
  });

  it.each([
    ['?nmae=x', 'nmae is not a parameter here; did you mean name?'],
    ['?__proto__=x', '__proto__ is not a parameter here'],
    ['?constructor[prototype]=x', 'constructor[prototype] is not a parameter here'],
    ['?name[]=x', 'name[] is not a parameter here; did you mean name?'],
    ['?text=a&text=b', 'text is given more than once'],
    ['?many=1e3', 'many is not a number'],
    ['?many=0x10', 'many is not a number'],
    ['?many=NaN', 'many is not a number'],
    ['?many=1.5', 'many is not a whole number'],
    ['?many=10', 'many is too large, too long or too many'],
    ['?test=yes', 'test is not a boolean'],
    ['?kind=c', 'kind is not one of the known values'],
    ['?name=', 'name is empty or too small'],
    [`?text=${'x'.repeat(9000)}`, '(query) is too long'],
    [`?${'name=x&'.repeat(201)}`, '(query) has too many parameters'],
  ])('is refused, and says why: %.40s', (query, fault) => {
    expect(faultsOf(() => parseQueryString(`/x${query}`, schema))).toEqual([fault]);
  });

  it('names all faults at once', () => {
    expect(faultsOf(() => parseQueryString('/x?a=1&many=0&test=1', schema))).toHaveLength(3);
  });

  it('never throws anything else, nor changes an object that others share', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.webQueryParameters(), (text, query) => {
        for (const { query: of } of Object.values(ENDPOINTS)) {
          faultsOf(() => parseQueryString(`/x?${query}&${encodeURIComponent(text)}=1`, of));
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });
});

describe('a time range', () => {
  const of = (query: object) => parseTimeRange(query, 'Europe/Vienna', NOW);
  const from = (text: string) => of({ from: text, to: '2026-11-25T00:00Z' }).fromMs;

  it('is the last quarter of an hour unless it is asked for', () => {
    expect(of({})).toEqual({ fromMs: NOW - 15 * MINUTE_MS, toMs: NOW });
    expect(of({ last: '2d' })).toEqual({ fromMs: NOW - 2 * DAY_MS, toMs: NOW });
    expect(of({ last: '1h', to: String(NOW - DAY_MS) }).fromMs).toBe(NOW - DAY_MS - HOUR_MS);
  });

  it.each([
    ['2026-11-24T06:00:00.5Z', '2026-11-24T06:00:00.500Z'],
    ['2026-11-24T06:00:00+05:45', '2026-11-24T00:15:00.000Z'],
    ['2026-11-24', '2026-11-23T23:00:00.000Z'],
    ['1795478400000', '2026-11-24T00:00:00.000Z'],
  ])('understands %s in the zone of the question', (text, meant) => {
    expect(new Date(from(text)).toISOString()).toBe(meant);
  });

  it('ends now where it would end later', () => {
    expect(of({ from: String(NOW - 1000), to: String(NOW + DAY_MS) }).toMs).toBe(NOW);
  });

  it.each([
    [{ from: '2026-11-20', to: '2026-11-20' }, 'from is not before to'],
    [{ from: '2026-11-21', to: '2026-11-20' }, 'from is not before to'],
    [{ from: '2020-01-01' }, 'from asks for too long a time'],
    [{ last: '9999d' }, 'last asks for too long a time'],
    [{ from: '2027-01-01', to: '2027-01-02' }, 'from is in the future'],
    [{ from: '1999-01-01', to: '1999-01-02' }, 'from is too long ago'],
    [{ from: '-271821-04-20', to: '1999-01-02' }, 'from is not a time'],
    [{ from: 'NaN' }, 'from is not a time'],
    [{ from: 'Infinity' }, 'from is not a time'],
    [{ from: '9999999999999999' }, 'from is not a time'],
    [{ to: 'tomorrow', last: '1h' }, 'to is not a time'],
    [{ to: '2026-11-20' }, 'from is missing'],
    [{ from: '2026-11-20', last: '1h' }, 'last stands beside from'],
  ])('is refused where it is impossible: %j', (query, fault) => {
    expect(faultsOf(() => of(query))).toEqual([fault]);
  });

  it('knows the zones of the IANA database only', () => {
    expect(getTimeZone({ timeZone: 'Asia/Kathmandu' }, 'UTC')).toBe('Asia/Kathmandu');
    expect(getTimeZone({}, 'UTC')).toBe('UTC');
    expect(faultsOf(() => getTimeZone({ timeZone: "Europe/Wien'" }, 'UTC'))).toHaveLength(1);
  });
});

describe('a step', () => {
  const rows: StoredTable = { name: 'rows', unitMs: 0, fromMs: NOW - 30 * DAY_MS, untilMs: 9e15 };
  const minutes = { ...rows, name: 'm', unitMs: MINUTE_MS, fromMs: NOW - 90 * DAY_MS };
  const hours = { ...rows, name: 'h', unitMs: HOUR_MS, fromMs: Number.NEGATIVE_INFINITY };
  const store = {
    getCatalog: async () => new Map([['t', [rows, minutes, hours]]]),
  } as Partial<QueryClient>;
  const of = async (step: string | undefined, days: number, length: string, zone = 'UTC') => {
    const fromMs = NOW - days * DAY_MS;
    const range = { fromMs, toMs: fromMs + toDurationMs(length) };
    const answer = await resolveStep(step, { range, zone }, store as QueryClient, ['t']);
    return [formatStep(answer.step.ms), answer.step.zone, answer.notes.length];
  };

  it.each([
    ['the usual one', undefined, 1, '1d', 'UTC', ['1h', 'UTC', 0]],
    ['as asked for', '90s', 1, '1d', 'UTC', ['90s', 'UTC', 0]],
    ['whole minutes of what only minutes are kept of', '90s', 60, '1h', 'UTC', ['2m', 'UTC', 1]],
    ['hours of what only hours are kept of', '5m', 200, '1d', 'UTC', ['1h', 'UTC', 1]],
    ['days of a zone that hours fit', '1d', 200, '7d', 'Europe/Vienna', ['1d', 'Europe/Vienna', 0]],
    ['days of UTC where hours do not fit', '1d', 200, '7d', 'Asia/Kolkata', ['1d', 'utc', 1]],
  ])('is %s', async (_what, step, days, length, zone, expected) => {
    expect(await of(step, days, length, zone)).toEqual(expected);
  });

  it.each([
    ['1s', '1d', 'step gives more than 2000 buckets of time'],
    ['36h', '7d', 'step is more than a day, but not of whole days'],
  ])('is refused: %s for %s', async (step, length, fault) => {
    const refused = await of(step, 7, length).catch((error) => error);
    expect(
      faultsOf(() => {
        throw refused;
      }),
    ).toEqual([fault]);
  });

  it('has a text for each length, and back', () => {
    const length = fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom('s', 'm', 'h', 'd'));
    fc.assert(
      fc.property(length, ([count, unit]) => {
        const ms = toDurationMs(`${count}${unit}`);
        expect(toDurationMs(formatStep(ms))).toBe(ms);
      }),
    );
  });
});
