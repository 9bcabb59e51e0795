import { expect, it } from 'vitest';
import { OWN_SERVICE_NAME } from '../../../../src/core/own-service.ts';
import { RuleQueryCache } from '../../../../src/server/alerts/rule-queries/rule-query-cache.ts';
import {
  toMetricConditions,
  toRouteName,
  toStatementName,
} from '../../../../src/storage/queries/operation-totals.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';

it.each([
  ['API_RESPONSE_TIME', undefined, true],
  ['API_STREAM_DURATION', { endpoint: ['/'] }, true],
  ['API_RESPONSE_TIME', { service: ['shop'] }, true],
  ['API_RESPONSE_TIME', { service: ['shop', OWN_SERVICE_NAME] }, false],
  ['CPU_USAGE', undefined, false],
])(
  "%s with the filter %o excludes Perfscope's own requests: %s",
  (metricType, filter, expected) => {
    const conditions = toMetricConditions({ metricType }, filter);
    expect(JSON.stringify(conditions).includes(OWN_SERVICE_NAME)).toBe(expected);
  },
);

it.each([
  [{}, true],
  [{ service: [OWN_SERVICE_NAME] }, false],
])("a rule with the filter %o excludes Perfscope's own requests: %s", async (filter, expected) => {
  const statements: string[] = [];
  const queryClient: QueryClient = {
    getCatalog: async () =>
      new Map(
        ['performance_metrics', 'metric_buckets'].map((name) => {
          const bounds = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };
          return [name, [{ name, unitMs: 0, ...bounds }]];
        }),
      ),
    read: async (_scope, statement) => {
      statements.push(JSON.stringify(statement));
      return [];
    },
  };
  const cache = new RuleQueryCache(queryClient, Date.now(), 60_000);
  const measure = { type: 'API_RESPONSE_TIME', filter, windowMs: 300_000, groupBy: [] } as const;
  await cache.metricSums(measure);
  await cache.distributions(measure);
  expect(statements).toHaveLength(2);
  expect(statements.map((text) => text.includes('service != '))).toEqual([expected, expected]);
});

it.each([
  [{ endpoint: 'SELECT ?', operation: 'SELECT' }, 'SELECT ?', 'SELECT ?'],
  [{ endpoint: undefined, operation: 'GET' }, '(no route)', 'GET'],
  [{ endpoint: undefined, operation: undefined }, '(no route)', '(no statement)'],
])('the group %o is shown as the route %s or the statement %s', (group, route, statement) => {
  expect([toRouteName(group), toStatementName(group)]).toEqual([route, statement]);
});
