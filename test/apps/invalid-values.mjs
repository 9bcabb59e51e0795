// Records invalid values many times, and a few valid ones.
import { metrics } from '@opentelemetry/api';
import { performanceMonitoringService as service } from '../../dist/agent-package/index.js';

const name = 'clumsy';
const huge = 'x'.repeat(10_000_000);
const invalidMeasurements = [
  { name, value: Number.NaN },
  { value: 1 },
  { name, value: 1, timestamp: Date.UTC(2100, 0, 1) },
  { name, value: 1, timestamp: Date.UTC(2000, 0, 1) },
  { name, value: 1, tags: { huge } },
  { name, value: 1, organizationId: huge },
];
for (let i = 0; i < 20; i++)
  for (const measurement of invalidMeasurements) service.recordMetric(measurement);
service.recordMetric();
service.recordQueueMetric({ queueName: 'q', jobId: '1', status: 'lost' });
console.log(`dropped ${service.droppedRows}`);

const tenants = [
  `O'Brien "Inn" \\ 100%`,
  'Hôtel 🏨 Zürich',
  'a,b=c d\n\te',
  '; DROP TABLE alerts --',
];
for (const organizationId of tenants) {
  service.recordMetric({ name, value: 1, organizationId, tags: { organizationId } });
}
metrics.getMeter('clumsy').createCounter('clumsy.counter').add(1, { huge });

service.strict = true;
try {
  service.recordMetric(invalidMeasurements[0]);
} catch (error) {
  console.log(`strict: ${error.code}`);
}
await service.flush();
