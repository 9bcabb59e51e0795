const { setTimeout: delay } = require('node:timers/promises');
const { withTenant } = require('perfscope');

/** Number of jobs of each tenant by kind. A job is tried up to two times. */
const JOBS = { complete: 4, fail: 2, retry: 3 };
const TENANTS = ['Grand', 'Inn'];
const ATTEMPTS_BY_KIND = { complete: 1, fail: 2, retry: 2 };
/** Jobs of a queue without a worker. */
const WAITING_JOBS = 3;
/** Duration of each attempt in ms. */
const ATTEMPT_MS = 20;

/**
 * Runs the same jobs with any queue library.
 *
 * A program exports a function with the library, and returns `createQueue(name)`, `countFailed(queue)`, and `close()`. A
 * queue has `add(data)`, which adds a job with two attempts, and `process(handler)`, which starts a worker. If the promise
 * of the handler is rejected, the attempt fails.
 */
exports.runScenario = async function runScenario(createAdapter, library, load) {
  const { QUEUE_NAME } = process.env;
  const adapter = await createAdapter(library, load);
  const queue = await adapter.createQueue(QUEUE_NAME);
  const idle = await adapter.createQueue(`${QUEUE_NAME}-idle`);
  const jobs = TENANTS.flatMap((tenant) =>
    Object.entries(JOBS).flatMap(([kind, count]) =>
      Array.from({ length: count }, (_, i) => ({ tenant, kind, key: `${tenant} ${kind} ${i}` })),
    ),
  );
  const expected = jobs.reduce((sum, { kind }) => sum + ATTEMPTS_BY_KIND[kind], 0);
  const attempts = new Map();
  let ended = 0;
  const finished = new Promise((resolve) => {
    const process = async ({ key, kind }) => {
      const attempt = (attempts.get(key) ?? 0) + 1;
      attempts.set(key, attempt);
      await delay(ATTEMPT_MS);
      if (++ended === expected) resolve();
      if (kind === 'fail' || (kind === 'retry' && attempt === 1)) throw new Error(`${kind} fails`);
      return { done: true };
    };
    // The worker starts later, so that the jobs wait.
    Promise.all(jobs.map((job) => withTenant({ organizationId: job.tenant }, () => queue.add(job))))
      .then(() => delay(ATTEMPT_MS))
      .then(() => queue.process(process));
  });
  for (let i = 0; i < WAITING_JOBS; i++) await idle.add({ key: `idle ${i}`, kind: 'complete' });
  await finished;
  console.log('finished');
  // The test stops the program after the depth was stored.
  await new Promise((resolve) => process.once('SIGTERM', resolve));
  await adapter.close();
  if (ended !== expected) throw new Error(`${ended} attempts`);
};
