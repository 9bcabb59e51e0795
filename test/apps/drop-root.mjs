// Records rows as root and, after that, as a user who can't write to the spool. Each step continues until
// SIGUSR2 arrives.
import { once } from 'node:events';
import { performanceMonitoringService } from 'perfscope';

function record(count) {
  const tags = { text: 'x'.repeat(1000) };
  for (let i = 0; i < count; i++) {
    performanceMonitoringService.recordMetric({ name: `metric-${i}`, value: 1, unit: '1', tags });
  }
}

let rows = 0;
const timer = setInterval(() => record(rows), 50);
record(500);
await once(process, 'SIGUSR2');
process.setuid(65_534);
rows = 500;
await once(process, 'SIGUSR2');
clearInterval(timer);
console.log('work done');
