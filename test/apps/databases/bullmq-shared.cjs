const { createRequire } = require('node:module');
const { join } = require('node:path');

const { env } = process;
const { Redis } = createRequire(join(process.cwd(), 'package.json'))('ioredis');

/** Runs a flow and jobs on BullMQ's own connections, and jobs on a client that the application also uses. */
module.exports = async function run({ FlowProducer, Queue, Worker }) {
  const { hostname: host, port } = new URL(env.REDIS_URL);
  const connection = { host, port: Number(port) };
  const own = new Queue(env.QUEUE_NAME, { connection });
  const flows = new FlowProducer({ connection });
  const worker = new Worker(env.QUEUE_NAME, async () => 1, { connection });
  await own.add('first', {});
  await own.addBulk([
    { name: 'second', data: {} },
    { name: 'third', data: {} },
  ]);
  await flows.add({ name: 'parent', queueName: env.QUEUE_NAME });
  let completed = 0;
  await new Promise((resolve) => {
    worker.on('completed', () => {
      if (++completed === 4) resolve();
    });
    worker.on('drained', async () => {
      const counts = await own.getJobCounts('completed');
      if (counts.completed === 4) resolve();
    });
  });

  const redis = new Redis(env.REDIS_URL, { maxRetriesPerRequest: null });
  await redis.set('application', '1');
  const shared = new Queue(`${env.QUEUE_NAME}-shared`, { connection: redis });
  await shared.waitUntilReady();
  await shared.add('first', {});
  await redis.get('application');
  await redis.eval('return 1', 0);
  await shared.close();
  await Promise.all([worker.close(), own.close(), flows.close()]);
  redis.disconnect();
  return { completed };
};
