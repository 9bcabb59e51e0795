import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new ExternalQuestdb({ isShared: true });
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

const SLOW_TRACE = '0af7651916cd43dd8448eb211c80319c';
const BROKEN_TRACE = '1bf7651916cd43dd8448eb211c80319d';

it('stores the user and trace of slow and failed requests, and counts each request once', async () => {
  const app = new InstrumentedApp('test/apps/slow-and-failing-requests.mjs', {
    env: {
      ...questdb.serviceEnv,
      OTEL_SERVICE_NAME: 'users',
      PERFORMANCE_ORGANIZATION_HEADER: 'x-org',
      PERFORMANCE_USER_HEADER: 'x-user',
      PERFORMANCE_PROPERTY_HEADER: 'x-property',
      PERFORMANCE_FLUSH_INTERVAL: '1000',
    },
  });
  const base = await app.url();
  const sendRequest = (path: string, user: string, traceId: string) =>
    fetch(`${base}/api/grand/${path}`, {
      headers: {
        'x-org': 'grand',
        'x-property': 'seaside',
        'x-user': user,
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      },
    });
  expect(await sendRequests(`${base}/api/grand/quick`, 500)).toBe(500);
  await sendRequest('slow', 'sally', SLOW_TRACE);
  await sendRequest('broken', 'bob', BROKEN_TRACE);
  expect(await sendRequests(`${base}/api/grand/quick`, 500)).toBe(500);

  const rows = (columns: string, rest: string) => () =>
    questdb.sql(`SELECT ${columns} FROM performance_metrics WHERE service = 'users' ${rest}`);
  await expectRows(
    rows(
      'endpoint, sum(count), sum(error_count)',
      "AND metric_type = 'API_RESPONSE_TIME' ORDER BY endpoint",
    ),
    [
      ['/api/:organization/broken', 1, 1],
      ['/api/:organization/quick', 1000, 0],
      ['/api/:organization/slow', 1, 0],
    ],
  );
  const sampleCondition = "AND name = 'http.server.request.sample'";
  const readSamples = rows(
    'user_id, endpoint, operation, organization_id, property_id, tags, duration > 1500, count',
    `${sampleCondition} AND user_id IS NOT NULL ORDER BY user_id`,
  );
  const samples = await waitFor(async () => {
    const found = await readSamples();
    return found.length >= 2 && found;
  });
  expect(samples.map((row) => row.with(5, JSON.parse(String(row[5]))))).toEqual([
    [
      ...['bob', '/api/:organization/broken', 'GET', 'grand', 'seaside'],
      {
        'url.scheme': 'http',
        'http.response.status_code': 503,
        'error.type': '503',
        trace_id: BROKEN_TRACE,
      },
      ...[false, 0],
    ],
    [
      ...['sally', '/api/:organization/slow', 'GET', 'grand', 'seaside'],
      { 'url.scheme': 'http', 'http.response.status_code': 200, trace_id: SLOW_TRACE },
      ...[true, 0],
    ],
  ]);
  expect(await rows('count()', `${sampleCondition} AND coalesce(count, 1) > 0`)()).toEqual([[0]]);
  await expectRows(
    () =>
      questdb.sql(
        "SELECT sum(count) FROM metric_buckets WHERE service = 'users' AND metric_type = 'API_RESPONSE_TIME'",
      ),
    [[1002]],
  );
  await app.stop();
});
