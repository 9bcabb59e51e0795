// Records 100 values in a child process, in each of two cluster workers, or in a worker thread.
const childProcess = require('node:child_process');
const cluster = require('node:cluster');
const { isMainThread, Worker } = require('node:worker_threads');

const [, , scenario, library, role] = process.argv;
const child = [scenario, library, 'child'];

const PARENTS = {
  fork: () => childProcess.fork(__filename, child),
  cluster: () => {
    cluster.setupPrimary({ args: child });
    for (let i = 0; i < 2; i++) cluster.fork();
  },
  worker: () => new Worker(__filename, { argv: child }),
};

if (role === undefined) PARENTS[scenario]();
else {
  const { performanceMonitoringService } = require(library);
  for (let i = 0; i < 100; i++) performanceMonitoringService.recordMetric({ name: 'x', value: i });
  if (isMainThread) process.disconnect();
}
