// Runs sandboxed jobs of BullMQ without Redis: in child processes, or in worker threads with the second argument
// `threads`. The first argument is the package. With a third argument, ends after 1.5 s. BullMQ forks its own script, and passes the streams on.
const { dirname, join } = require('node:path');

const [, , name, kind, waits] = process.argv;
const classes = join(dirname(require.resolve(name)), 'classes');
const { ChildPool } = require(join(classes, 'child-pool.js'));
const { default: createSandbox } = require(join(classes, 'sandbox.js'));
require(name);

const useWorkerThreads = kind === 'threads';
const mainFile = join(classes, useWorkerThreads ? 'main-worker.js' : 'main.js');
const pool = new ChildPool({ mainFile, useWorkerThreads });
const run = createSandbox(join(__dirname, 'sandboxed-job.cjs'), pool);

/** A job, as far as the sandbox uses it. */
const createJob = (room) => ({
  id: String(room),
  queueQualifiedName: 'bull:rooms',
  asJSONSandbox: () => ({ id: String(room), name: 'clean', data: JSON.stringify({ room }) }),
});

const results = [];

/** Waits until the output of the jobs has arrived, which is later than their results. */
async function waitForOutput() {
  const isComplete = () => process.stdout.bytesWritten >= 24 && process.stderr.bytesWritten >= 32;
  while (!isComplete()) await new Promise((done) => setTimeout(done, 10));
}

(async () => {
  for (const room of [1, 2]) results.push(await run(createJob(room), 'token'));
  // In this time, the agent lists the libraries.
  if (waits) await new Promise((done) => setTimeout(done, 1500));
  await waitForOutput();
  await pool.clean();
  console.log('results', results);
})();
