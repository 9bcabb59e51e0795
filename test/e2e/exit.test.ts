import { afterAll, beforeAll, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

// The interval is so long that no export happens during the test.
const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '3600000' });
beforeAll(() => server.start());
afterAll(() => server.remove());

it('stores all measurements of an application that calls process.exit()', async () => {
  const code = await server.runApp('test/apps/exit-early.mjs', [], { OTEL_SERVICE_NAME: 'hasty' });
  expect(code).toBe(7);
  // The application leaves the rows in its spool folder, and the server sends them.
  const rows = await waitFor(async () => {
    const found = await server.sql(
      `SELECT name, sum(count), sum(sum) FROM performance_metrics
       WHERE service = 'hasty' AND (count > 0 OR name LIKE 'hasty%')
       AND (endpoint = '/last/:words' OR name LIKE 'hasty%') ORDER BY name`,
    );
    return found.length === 2 && found;
  });
  expect(rows).toEqual([
    ['hasty.farewells', null, 3],
    ['http.server.request.duration', 25, expect.any(Number)],
  ]);
});
