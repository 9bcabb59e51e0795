import '../../support/browser-stub.ts';
import { describe, expect, it } from 'vitest';
import type { ApiResponse } from '../../../src/client/api-types.ts';
import { findChanges } from '../../../src/web/data/changes.ts';

type RequestGroup = ApiResponse<'endpoints'>['endpoints'][number];
type Statement = ApiResponse<'database'>['statements'][number];
type Figures = Partial<Pick<RequestGroup, 'count' | 'p95' | 'errorRate' | 'rate'>>;

const FIGURES = { count: 100, p95: 100, errorRate: 1, rate: 10 };

/** Creates an endpoint with equal figures in both periods, except for the given ones. */
function createEndpoint(now: Figures, previous: Figures = {}, endpoint = '/rooms'): RequestGroup {
  return {
    group: { service: 'shop', operation: 'GET', endpoint },
    ...FIGURES,
    ...now,
    previous: { ...FIGURES, ...previous },
  } as RequestGroup;
}

function createStatement(average: number, previousAverage: number, count = 100): Statement {
  return {
    group: { service: 'shop', endpoint: 'SELECT 1' },
    count,
    average,
    previous: { count: 100, average: previousAverage },
  } as Statement;
}

const describeChanges = (endpoints: RequestGroup[], statements: Statement[] = []) =>
  findChanges(endpoints, statements).map(
    ({ name, what, change, isWorse }) =>
      `${name}: ${what} ${change.text}, ${isWorse ? 'worse' : 'not worse'}`,
  );

describe('findChanges', () => {
  it.each<[Figures, Figures, string[]]>([
    [{}, {}, []],
    [{ p95: 150 }, {}, ['GET /rooms: p95 +50 %, worse']],
    [{ p95: 60 }, {}, ['GET /rooms: p95 −40 %, not worse']],
    [{ p95: 124 }, {}, []],
    [{ p95: 125 }, {}, ['GET /rooms: p95 +25 %, worse']],
    [{ errorRate: 4 }, {}, ['GET /rooms: failed +3 points, worse']],
    [{ errorRate: 1.9 }, {}, []],
    [{ errorRate: 0 }, { errorRate: 2 }, ['GET /rooms: failed −2 points, not worse']],
    [{ rate: 30 }, {}, ['GET /rooms: requests ×3, not worse']],
    [{ rate: 15 }, {}, []],
    // The traffic is reported only if nothing else changed.
    [{ rate: 30, p95: 150 }, {}, ['GET /rooms: p95 +50 %, worse']],
    [{ p95: undefined as never }, {}, []],
  ])('compares %j with %j', (now, previous, expected) => {
    expect(describeChanges([createEndpoint(now, previous)])).toEqual(expected);
  });

  it('ignores few requests, and groups without an earlier period', () => {
    expect(describeChanges([createEndpoint({ p95: 900, count: 19 })])).toEqual([]);
    expect(describeChanges([createEndpoint({ p95: 900 }, { count: 19 })])).toEqual([]);
    const { previous: _previous, ...group } = createEndpoint({ p95: 900 });
    expect(describeChanges([group])).toEqual([]);
    expect(describeChanges([], [createStatement(90, 30, 19)])).toEqual([]);
  });

  it('compares the mean of statements', () => {
    expect(describeChanges([], [createStatement(45, 30), createStatement(31, 30)])).toEqual([
      'SELECT 1: mean +50 %, worse',
    ]);
  });

  it('sorts by the size of the change and the number of requests', () => {
    const changes = findChanges(
      [
        createEndpoint({ p95: 200 }, {}, '/few'),
        createEndpoint({ p95: 200, count: 100_000 }, { count: 100_000 }, '/many'),
        createEndpoint({ p95: 800 }, {}, '/slow'),
        createEndpoint({ rate: 25 }, {}, '/busy'),
      ],
      [createStatement(60, 30)],
    );
    expect(changes.map(({ name }) => name)).toEqual([
      'GET /slow',
      'GET /many',
      'GET /few',
      'SELECT 1',
      'GET /busy',
    ]);
    expect(new Set(changes.map(({ key }) => key)).size).toBe(changes.length);
    expect(changes[0]!.href).toBe(
      '/tools/perfscope/endpoint?service=shop&operation=GET&endpoint=/slow',
    );
    expect(changes[3]!.href).toBe('/tools/perfscope/statement?service=shop&statement=SELECT+1');
  });
});
