import { expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { analyzeBreach } from '../../../../src/server/alerts/explanation/analyze-breach.ts';
import type { Measure } from '../../../../src/server/alerts/rules/alert-rule.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { findRule, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

interface Requests {
  readonly organization_id: string | null;
  readonly property_id: string | null;
  readonly endpoint: string;
  readonly count: number;
  readonly errors: number;
}

/** Requests of one service: some of the tenant `anna`, some without a tenant. */
const BEFORE: readonly Requests[] = [
  { organization_id: 'anna', property_id: 'north', endpoint: '/rooms', count: 100, errors: 80 },
  { organization_id: null, property_id: null, endpoint: '/health', count: 300, errors: 0 },
];
const NOW: readonly Requests[] = [
  { organization_id: 'anna', property_id: 'north', endpoint: '/rooms', count: 5000, errors: 4000 },
  { organization_id: null, property_id: null, endpoint: '/health', count: 100, errors: 50 },
];

const ROWS = {
  name: 'performance_metrics',
  unitMs: 0,
  fromMs: Number.NEGATIVE_INFINITY,
  untilMs: T0,
};

/** Answers each query with the requests of its window, grouped by the columns of the statement. */
const queryClient: QueryClient = {
  getCatalog: async () => new Map([['performance_metrics', [ROWS]]]),
  read: async (_scope, statement) => {
    const text = statement.parts.map((part) => ('text' in part ? part.text : '?')).join('');
    const params = statement.parts.map((part) => ('param' in part ? part.param : undefined));
    if (!params.includes('API_RESPONSE_TIME')) return [];
    const [from] = params.filter((param) => param instanceof Date);
    const isNow = from!.getTime() >= T0 - 5 * MINUTE_MS;
    const columns = (['organization_id', 'property_id', 'endpoint'] as const).filter((column) =>
      text.includes(`by_${column}`),
    );
    const times = isNow
      ? { first_at: new Date(T0 - 5 * MINUTE_MS), last_at: new Date(T0 - 1000) }
      : { first_at: new Date(T0 - 20 * MINUTE_MS), last_at: new Date(T0 - 5 * MINUTE_MS - 1000) };
    const groups = Map.groupBy(isNow ? NOW : BEFORE, (row) =>
      JSON.stringify(columns.map((column) => row[column])),
    );
    return [...groups.values()].map((rows) => ({
      ...Object.fromEntries(columns.map((column) => [`by_${column}`, rows[0]![column]])),
      by_service: 'api',
      count: rows.reduce((sum, { count }) => sum + count, 0),
      errors: rows.reduce((sum, { errors }) => sum + errors, 0),
      ...times,
    }));
  },
};

it('explains an alert without a tenant only with measurements without a tenant', async () => {
  const measure = findRule(loadTestRules(''), 'error-rate').source as Measure;
  const breach = { measure, group: { service: 'api' }, value: 50, firedMs: T0 };
  const { headline, contributors, changes } = await analyzeBreach(queryClient, breach);
  expect(headline).toMatchObject({ before: 0, now: 50 });
  expect(contributors.map(({ name, share }) => [name, share])).toEqual([['/health', 1]]);
  expect(changes).toEqual([]);
});

it('names no requests as the cause of crashes', async () => {
  const measure = findRule(loadTestRules(''), 'crash-loop').source as Measure;
  const times = { first_at: new Date(T0 - 2000), last_at: new Date(T0 - 1000) };
  const requests = { by_service: 'api', by_endpoint: '/rooms', count: 5, total: 50, ...times };
  const client: QueryClient = { ...queryClient, read: async () => [requests] };
  const breach = { measure, group: { service: 'api' }, value: 5, firedMs: T0 };
  expect((await analyzeBreach(client, breach)).contributors).toEqual([]);
});
