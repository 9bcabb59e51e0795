const { join } = require('node:path');
const { withTenant } = require('perfscope');

const { env } = process;
const JOBS = ['Grand', 'Inn'].flatMap((tenant) =>
  ['complete', 'complete', 'fail'].map((kind, i) => ({ tenant, kind, key: `${tenant} ${i}` })),
);

/** Waits until all jobs have ended. */
async function waitForJobs(queue) {
  for (;;) {
    const { completed, failed } = await queue.getJobCounts('completed', 'failed');
    if (completed + failed === JOBS.length) return { completed, failed };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const addAll = (queue) =>
  Promise.all(
    JOBS.map((data) => withTenant({ organizationId: data.tenant }, () => queue.add('book', data))),
  );

/** Runs jobs in processor files of BullMQ or Bull, in processes or threads. */
module.exports = async function run(library) {
  const file = join(__dirname, 'processors', env.PROCESSOR);
  if (env.LIBRARY === 'bull') {
    const queue = new (library.default ?? library)(env.QUEUE_NAME, env.REDIS_URL);
    void queue.process('book', 2, file);
    await addAll(queue);
    const counts = await waitForJobs(queue);
    await queue.close();
    return counts;
  }
  const { hostname: host, port } = new URL(env.REDIS_URL);
  const connection = { host, port: Number(port) };
  const queue = new library.Queue(env.QUEUE_NAME, { connection });
  const useWorkerThreads = env.THREADS === 'true';
  const worker = new library.Worker(env.QUEUE_NAME, file, {
    connection,
    concurrency: 2,
    useWorkerThreads,
  });
  await addAll(queue);
  const counts = await waitForJobs(queue);
  await worker.close();
  await queue.close();
  return counts;
};
