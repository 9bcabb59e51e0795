// Records values that are older than the retention period, and one current value.
import { performanceMonitoringService as service } from '../../dist/agent-package/index.js';

const timestamp = Date.now() - 40 * 86_400_000;
for (let i = 0; i < 5; i++) service.recordMetric({ name: 'too-old', value: i, timestamp });
service.recordMetric({ name: 'too-old', value: 1 });
await service.flush();
