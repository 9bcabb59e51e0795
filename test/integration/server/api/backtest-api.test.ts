import { afterAll, beforeAll, expect, it } from 'vitest';
import { createOrganizationScope } from '../../../../src/core/tenant-scope.ts';
import { makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { insertRows } from '../../../support/insert-rows.ts';

const server = new TestApiServer();

beforeAll(async () => {
  await server.start();
  const fields = { metricType: 'API_RESPONSE_TIME', service: 'shop', endpoint: '/x' } as const;
  const timestamp = Date.now() - 600_000;
  const { row } = makeHistogram({ timestamp, ...fields }, { count: 10, ms: 9000 });
  await insertRows(server.questdb, 'performance_metrics', [row]);
});

afterAll(() => server.remove());

function post(query: string, body: object): Promise<Response> {
  return fetch(`${server.url}/api/performance/backtest${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

it('runs backtests for administrators, and rejects bad input', async () => {
  const response = await post('?last=1h', { rules: 'rules: [{ name: response-time, for: 30m }]' });
  expect(response.status).toBe(200);
  const { result } = (await response.json()) as { result: { rules: { name: string }[] } };
  expect(result.rules[0]).toMatchObject({ name: 'response-time', change: 'changed' });
  const invalid = await post('?last=1h', { rules: 'rules:\n  - name: x\n    fro: 1' });
  expect([invalid.status, await invalid.text()]).toEqual([400, expect.stringContaining(':3')]);
  expect((await post('?from=2026-11-02T10:00Z&to=2026-11-02T09:00Z', {})).status).toBe(400);
  expect((await post('?last=200d', {})).status).toBe(400);
  server.role = 'VIEWER';
  server.scope = createOrganizationScope('anna');
  expect((await post('?last=1h', {})).status).toBe(403);
  const noise = await fetch(`${server.url}/api/performance/noise?suggest=true`);
  expect(await noise.json()).toMatchObject({ rules: [] });
});
