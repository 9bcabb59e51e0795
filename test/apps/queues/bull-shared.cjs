const { createRequire } = require('node:module');
const { join } = require('node:path');

const { env } = process;
const { Redis } = createRequire(join(env.LIBRARY_FOLDER, 'package.json'))('ioredis');

/** Runs jobs on a client that the application also uses. */
module.exports = async function run(library) {
  const redis = new Redis(env.REDIS_URL);
  await redis.set('application', '1');
  const queue = new (library.default ?? library)(env.QUEUE_NAME, {
    skipVersionCheck: true,
    createClient: (type) =>
      type === 'client'
        ? redis
        : new Redis(env.REDIS_URL, { maxRetriesPerRequest: null, enableReadyCheck: false }),
  });
  await queue.isReady();
  let attempts = 0;
  const ended = new Promise((resolve) => {
    void queue.process('*', 1, async () => {
      if (++attempts === 4) resolve();
      if (attempts === 1) throw new Error('fails');
    });
  });
  await queue.addBulk(['a', 'b'].map((name) => ({ name, data: {}, opts: { attempts: 2 } })));
  await queue.add('c', {});
  await ended;
  await redis.multi().get('application').get('application').exec();
  for (;;) {
    const { completed } = await queue.getJobCounts('completed');
    if (completed === 3) break;
  }
  await queue.close();
  redis.disconnect();
  return { attempts };
};
