// Serves requests, and records a value and a counter for each. Uses the agent's library and the OpenTelemetry API.
const { createServer } = require('node:http');
const { metrics } = require('@opentelemetry/api');
const { performanceMonitoringService } = require('../../dist/agent-package/index.js');

const orders = metrics.getMeter('shop').createCounter('orders', { unit: '{order}' });
const server = createServer((request, response) => {
  orders.add(2, { channel: 'web' });
  performanceMonitoringService.recordMetric({ name: 'basket', value: 40, unit: '{item}' });
  response.statusCode = request.url === '/fail' ? 500 : 200;
  response.end();
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port} `);
});
