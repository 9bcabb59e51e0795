// Records equal values with the timestamp in the first argument, and waits until they are stored.
import { performanceMonitoringService } from '../../dist/agent-package/index.js';

const timestamp = Number(process.argv[2]);
for (let i = 0; i < 5000; i++) {
  performanceMonitoringService.recordMetric({ name: 'equal', value: 42, unit: 'ms', timestamp });
}
await performanceMonitoringService.flush();
