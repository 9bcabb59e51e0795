// Records values in the main thread, in two worker threads, and in two cluster processes.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import { performanceMonitoringService as service } from 'perfscope';

const VALUE_COUNT = 500;
for (let i = 0; i < VALUE_COUNT; i++) service.recordMetric({ name: 'threads', value: 1 });
if (isMainThread && cluster.isPrimary) {
  const file = fileURLToPath(import.meta.url);
  const threads = [new Worker(file), new Worker(file)];
  const processes = [cluster.fork(), cluster.fork()];
  await Promise.all([...threads, ...processes].map((each) => once(each, 'exit')));
} else if (!isMainThread) {
  // A worker thread ends as soon as its work is done, so it flushes first.
  await service.flush();
} else cluster.worker.disconnect();
