// Records values in many contexts of a request. The tag `expected` contains the expected tenant.
// With the query parameter `tenant`, the application sets the tenant itself.
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { performanceMonitoringService, withTenant } from 'perfscope';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
const bus = new EventEmitter();
bus.on('served', (expected) => probe('emitter', expected));

function probe(context, expected) {
  performanceMonitoringService.recordMetric({
    name: 'probe',
    value: 1,
    operation: context,
    tags: { expected },
  });
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const expected = request.headers['x-org'] ?? url.searchParams.get('tenant') ?? '';
  const serve = async () => {
    probe('handler', expected);
    request.on('data', () => {});
    await Promise.all([
      once(request, 'end').then(() => probe('body', expected)),
      delay(1).then(() => probe('timer', expected)),
      // The pool has one connection, so most requests wait until another request releases it.
      new Promise((done) => {
        pool.query('SELECT 1', () => {
          probe('query callback', expected);
          pool.query('SELECT 2', () => {
            probe('nested query', expected);
            done();
          });
        });
      }),
    ]);
    bus.emit('served', expected);
    setTimeout(() => probe('after response', expected), 50);
    response.end('served');
  };
  if (url.searchParams.has('tenant')) await withTenant({ organizationId: expected }, serve);
  else await serve();
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
