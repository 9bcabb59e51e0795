import { afterAll, beforeAll, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

// So long an interval that nothing is written by it.
const product = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '3600000' });
beforeAll(() => product.start());
afterAll(() => product.remove());

it('keeps what an application measured before it called process.exit()', async () => {
  const code = await product.runApp('test/apps/exit-early.mjs', [], { OTEL_SERVICE_NAME: 'hasty' });
  expect(code).toBe(7);
  // The rows wait in the spool, which the server takes over.
  const rows = await waitFor(async () => {
    const found = await product.sql(
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
