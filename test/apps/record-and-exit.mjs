// Records 5,000 values, and ends without waiting until they are stored.
import { performanceMonitoringService } from '../../dist/agent-package/index.js';

for (let i = 0; i < 5000; i++) {
  performanceMonitoringService.recordMetric({ name: 'left behind', value: i, unit: 'ms' });
}
