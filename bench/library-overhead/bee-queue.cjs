const BeeQueue = require('bee-queue');

/** Adds a job, and waits until it is processed. */
module.exports = {
  servers: ['redis'],
  async setup({ REDIS_URL }) {
    const waiting = new Map();
    const queue = new BeeQueue(`bench-${process.pid}`, {
      redis: REDIS_URL,
      removeOnSuccess: true,
    });
    queue.process(10, async ({ data }) => waiting.get(data.key)?.());
    await queue.ready();
    let count = 0;
    return {
      run: async () => {
        const key = ++count;
        const done = new Promise((resolve) => waiting.set(key, resolve));
        await queue.createJob({ key }).save();
        await done;
        waiting.delete(key);
      },
      close: () => queue.close(),
    };
  },
};
