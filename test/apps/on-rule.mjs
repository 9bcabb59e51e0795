// Prints the decisions of the rule `demand`, and records the demand. The demand is the first
// argument, and 0 after SIGUSR2.
import { onRule, performanceMonitoringService } from '../../dist/agent-package/index.js';

let demand = Number(process.argv[2]);
const organizationId = 'grand-hotels';
onRule('demand', ({ status, value, id, seq }) =>
  console.log(`received ${status} ${value} ${id}.${seq}`),
);
setInterval(() => {
  performanceMonitoringService.recordMetric({ name: 'demand', value: demand, organizationId });
}, 200);
process.on('SIGUSR2', () => {
  demand = 0;
});
console.log('listening on nothing');
