const { createRequire } = require('node:module');
const { join } = require('node:path');

const { env } = process;
const { Redis } = createRequire(join(env.LIBRARY_FOLDER, 'package.json'))('ioredis');

/** Runs jobs on a client that the application also uses. */
module.exports = async function run(library) {
  const redis = new Redis(env.REDIS_URL);
  const clients = [redis];
  await redis.set('application', '1');
  const queue = new (library.default ?? library)(env.QUEUE_NAME, {
    skipVersionCheck: true,
    createClient: (type) => {
      if (type === 'client') return redis;
      const options = { maxRetriesPerRequest: null, enableReadyCheck: false };
      const client = new Redis(env.REDIS_URL, options);
      clients.push(client);
      return client;
    },
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
  // Bull doesn't close clients that it has not created.
  for (const client of clients) client.disconnect();
  return { attempts };
};
