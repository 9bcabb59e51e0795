// Records known values for one tenant, within the last 15 minutes and the 15 minutes before.
import {
  PerformanceMetricType,
  performanceMonitoringService as service,
} from '../../dist/agent-package/index.js';

const now = Number(process.argv[2]);
const organizationId = `l'hôtel "été" 🏨`;
const minutesAgo = (minutes) => now - minutes * 60_000;
const request = (endpoint, value, timestamp, error = false) =>
  service.recordMetric({
    type: PerformanceMetricType.API_RESPONSE_TIME,
    name: 'request',
    operation: 'GET',
    organizationId,
    endpoint,
    value,
    timestamp,
    error,
  });

for (let i = 1; i <= 90; i++) request('/fast', 10, minutesAgo(5));
for (let i = 1; i <= 10; i++) request('/slow', 200, minutesAgo(6), i <= 5);
for (let i = 1; i <= 50; i++) request('/fast', 20, minutesAgo(20));
for (const value of [10, 20, 30, 940]) {
  service.recordMetric({
    type: PerformanceMetricType.DATABASE_QUERY_TIME,
    name: 'query',
    operation: 'SELECT',
    organizationId,
    value,
    timestamp: minutesAgo(4),
  });
}
for (const [value, timestamp] of [
  [4, minutesAgo(3)],
  [8, now],
]) {
  service.recordMetric({
    type: PerformanceMetricType.DATABASE_CONNECTIONS,
    name: 'pool',
    organizationId,
    value,
    timestamp,
  });
}
for (let i = 0; i < 4; i++) {
  const failed = i === 0;
  service.recordQueueMetric({
    queueName: 'email',
    jobId: String(i),
    status: failed ? 'failed' : 'completed',
    organizationId,
    timestamp: minutesAgo(2),
    createdAt: minutesAgo(3),
    duration: 100 + i * 10,
    waitTime: 40,
  });
}
service.recordMetric({
  type: PerformanceMetricType.QUEUE_DEPTH,
  name: 'email',
  organizationId,
  value: 17,
  timestamp: minutesAgo(1),
});
await service.flush();
