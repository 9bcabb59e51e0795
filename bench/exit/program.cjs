// Works for 300 ms, then ends in the way that the first argument selects. Prints the time of its last work, in ms.
const { Worker } = require('node:worker_threads');

const WORK_MS = 300;
const printTime = () => console.log(performance.timeOrigin + performance.now());

const SCENARIOS = {
  end: () => setTimeout(printTime, WORK_MS),
  exit: () =>
    setTimeout(() => {
      printTime();
      process.exit(0);
    }, WORK_MS),
  signal: () => {
    setInterval(() => {}, 1000);
    setTimeout(printTime, WORK_MS);
  },
  // Prints the time from the last work of a worker thread to its end instead.
  worker: () => {
    const code = `setTimeout(() => require('node:worker_threads').parentPort.postMessage(0), ${WORK_MS})`;
    const worker = new Worker(code, { eval: true });
    let startMs = 0;
    worker.on('message', () => {
      startMs = performance.now();
    });
    worker.on('exit', () => console.log(performance.now() - startMs));
  },
};

SCENARIOS[process.argv[2]]();
