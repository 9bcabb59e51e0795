import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';

// The interval is so long that no export happens during the test.
const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '3600000' });
beforeAll(() => server.start());
afterAll(() => server.remove());

it('stores all measurements of an application that calls process.exit()', async () => {
  const code = await server.runApp('test/apps/exit-early.mjs', [], { OTEL_SERVICE_NAME: 'hasty' });
  expect(code).toBe(7);
  // The application leaves the rows in its spool folder, and the server sends them.
  const readRows = () =>
    server.sql(
      `SELECT name, sum(count), sum(CASE WHEN name LIKE 'hasty%' THEN sum END) FROM performance_metrics
       WHERE service = 'hasty' AND (count > 0 OR name LIKE 'hasty%')
       AND ((endpoint = '/last/:words' AND metric_type = 'API_RESPONSE_TIME') OR name LIKE 'hasty%')
       ORDER BY name`,
    );
  await expectRows(readRows, [
    ['hasty.farewells', null, 3],
    ['http.server.request.duration', 25, null],
  ]);
});
