import { expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { querySlowerPart } from '../../../../src/server/alerts/explanation/slower-part.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';

const ROWS = {
  name: 'performance_metrics',
  unitMs: 0,
  fromMs: Number.NEGATIVE_INFINITY,
  untilMs: 0,
};
const MINUTE_MS = 60_000;

type Row = Record<string, number | string | undefined>;

interface Stored {
  readonly requests: readonly [before: Row | undefined, now: Row | undefined];
  readonly statements?: readonly [before: readonly Row[], now: readonly Row[]];
  readonly calls?: readonly [before: readonly Row[], now: readonly Row[]];
}

/** Returns the slower part of requests. The baseline is three windows long. */
function explain({ requests, statements = [[], []], calls = [[], []] }: Stored) {
  const queryClient: QueryClient = {
    getCatalog: async () => new Map([['performance_metrics', [ROWS]]]),
    read: async (_scope, statement) => {
      const params = statement.parts.map((part) => ('param' in part ? part.param : undefined));
      const [from] = params.filter((param) => param instanceof Date);
      const index = from!.getTime() === 3 * MINUTE_MS ? 1 : 0;
      if (params.includes('API_RESPONSE_TIME')) return requests[index] ? [requests[index]] : [];
      const rows = params.includes('DATABASE_QUERY_TIME') ? statements : calls;
      return [...rows[index]];
    },
  };
  return querySlowerPart(queryClient, {
    scope: UNRESTRICTED_SCOPE,
    now: { fromMs: 3 * MINUTE_MS, toMs: 4 * MINUTE_MS },
    before: { fromMs: 0, toMs: 3 * MINUTE_MS },
    filter: {},
    operationFilter: {},
    missing: [],
    minCount: 5,
  });
}

/** Totals of 10 requests. */
const requests = (parts: { database?: number; outgoing?: number; own?: number }) => {
  const { database = 0, outgoing = 0, own = 10 } = parts;
  return {
    count: 10,
    total: 10 * (database + outgoing + own),
    database_time: 10 * database,
    outgoing_time: 10 * outgoing,
    queue_time: 0,
    connection_wait_time: 0,
    event_loop_wait_time: 0,
    own_time: 10 * own,
  };
};
const operation = (name: string, count: number, total: number) => ({
  by_endpoint: name,
  count,
  total,
});

it('names the part that grew, and the statement with most of the additional time', async () => {
  const part = await explain({
    requests: [requests({ database: 100 }), requests({ database: 1840, own: 20 })],
    statements: [
      [operation('SELECT a', 30, 2700), operation('SELECT b', 30, 300)],
      [operation('SELECT a', 10, 900), operation('SELECT b', 10, 17_500)],
    ],
  });
  expect(part).toEqual({
    name: 'database',
    before: 100,
    now: 1840,
    total: 1860,
    operation: 'SELECT b',
  });
});

it('names the host of outgoing calls', async () => {
  const part = await explain({
    requests: [requests({ outgoing: 10 }), requests({ outgoing: 3000, database: 100 })],
    calls: [[operation('pay.example', 30, 300)], [operation('pay.example', 10, 30_000)]],
  });
  expect(part).toMatchObject({ name: 'outgoing calls', operation: 'pay.example' });
});

it('names no statement if several are slower', async () => {
  const part = await explain({
    requests: [requests({ database: 10 }), requests({ database: 300 })],
    statements: [[], [operation('SELECT a', 10, 1500), operation('SELECT b', 10, 1500)]],
  });
  expect(part).toMatchObject({ name: 'database', operation: undefined });
});

it.each([
  ['the requests are not slower', requests({ database: 50 }), requests({ database: 50 })],
  ['no part has most of the additional time', requests({}), requests({ database: 50, own: 60 })],
  ['the part grew by less than half', requests({ own: 1000 }), requests({ own: 1400 })],
  ['the baseline has no breakdown', { count: 10, total: 10 }, requests({ own: 1400 })],
  ['there is no baseline', undefined, requests({ own: 1400 })],
  ['there are too few requests', requests({ own: 10 }), { ...requests({ own: 90 }), count: 4 }],
])('explains nothing if %s', async (_name, before, now) => {
  expect(await explain({ requests: [before, now] })).toBeUndefined();
});
