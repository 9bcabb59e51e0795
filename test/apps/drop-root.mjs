// Records rows as root and, after that, as a user who can't write to the spool.
import { performanceMonitoringService } from 'perfscope';

function record(count) {
  const tags = { text: 'x'.repeat(1000) };
  for (let i = 0; i < count; i++) {
    performanceMonitoringService.recordMetric({ name: `metric-${i}`, value: 1, unit: '1', tags });
  }
}

record(500);
setTimeout(() => {
  process.setuid(65_534);
  const timer = setInterval(() => record(500), 50);
  setTimeout(() => {
    clearInterval(timer);
    console.log('work done');
  }, 2000);
}, 1000);
