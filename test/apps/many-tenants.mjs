// Serves more tenants than the series limit, and counts them with its own OpenTelemetry counter.
import { createServer } from 'node:http';
import { metrics } from '@opentelemetry/api';

const counter = metrics.getMeter('many').createCounter('many.count');
const server = createServer((request, response) => {
  counter.add(1, { tenant: request.headers['x-org'] });
  response.end();
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
