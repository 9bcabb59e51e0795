// Records a value every 2 ms until the process is stopped. With the argument `idle`, it records
// nothing.
import { performanceMonitoringService } from '../../dist/agent-package/index.js';

let value = 0;
const record = () => {
  value += 1;
  performanceMonitoringService.recordMetric({ name: 'steady', value });
};
setInterval(process.argv[2] === 'idle' ? () => {} : record, 2);
console.log('listening on nothing');
