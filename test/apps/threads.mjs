// Records in the main thread, in two worker threads and in two processes of a cluster.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import { performanceMonitoringService as service } from 'perfscope';

const AMOUNT = 500;
for (let i = 0; i < AMOUNT; i++) service.recordMetric({ name: 'threads', value: 1 });
if (isMainThread && cluster.isPrimary) {
  const file = fileURLToPath(import.meta.url);
  const threads = [new Worker(file), new Worker(file)];
  const processes = [cluster.fork(), cluster.fork()];
  await Promise.all([...threads, ...processes].map((each) => once(each, 'exit')));
} else if (!isMainThread) {
  // A thread has no signals and no parent that waits: it ends when it is done.
  await service.flush();
} else cluster.worker.disconnect();
