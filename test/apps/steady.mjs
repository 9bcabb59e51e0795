// Records a value every few milliseconds until it is ended; with `idle` it only runs.
import { performanceMonitoringService } from '../../dist/index.js';

let value = 0;
const record = () => {
  value += 1;
  performanceMonitoringService.recordMetric({ name: 'steady', value });
};
setInterval(process.argv[2] === 'idle' ? () => {} : record, 2);
console.log('listening on nothing');
