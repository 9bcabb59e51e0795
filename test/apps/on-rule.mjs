// Says what rules decide about its price, and measures how many people want it: as many as its argument
// says, and nobody any more after SIGUSR2.
import { onRule, performanceMonitoringService } from '../../dist/index.js';

let wanted = Number(process.argv[2]);
const organizationId = 'grand-hotels';
onRule('demand', ({ status, value, id, seq }) =>
  console.log(`told ${status} ${value} ${id}.${seq}`),
);
setInterval(() => {
  performanceMonitoringService.recordMetric({ name: 'wanted', value: wanted, organizationId });
}, 200);
process.on('SIGUSR2', () => {
  wanted = 0;
});
console.log('listening on nothing');
