// Records values without returning to the event loop. The argument is the time at which it does this.
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import { performanceMonitoringService as service } from 'perfscope';

const VALUE_COUNT = 100_000;

function record() {
  for (let value = 0; value < VALUE_COUNT; value++) {
    service.recordMetric({ name: 'blocked', value, endpoint: `/rooms/${value % 100}` });
  }
}

const [, , time] = process.argv;
if ((time === 'worker' || time === 'endedWorker') && isMainThread) {
  new Worker(fileURLToPath(import.meta.url), { argv: [time] });
  if (time === 'endedWorker') setInterval(() => {}, 1000);
} else if (time === 'exit' || time === 'beforeExit') process.once(time, record);
else record();
if (time === 'flush') await service.flush().catch(() => {});
