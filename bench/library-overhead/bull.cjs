const Bull = require('bull');

/** Adds a job, and waits until it is processed. */
module.exports = {
  servers: ['redis'],
  async setup({ REDIS_URL }) {
    const waiting = new Map();
    const queue = new Bull(`bench-${process.pid}`, REDIS_URL);
    void queue.process('*', 10, async ({ data }) => waiting.get(data.key)?.());
    await queue.isReady();
    let count = 0;
    return {
      run: async () => {
        const key = ++count;
        const done = new Promise((resolve) => waiting.set(key, resolve));
        await queue.add('job', { key }, { removeOnComplete: true });
        await done;
        waiting.delete(key);
      },
      close: () => queue.close(),
    };
  },
};
