const { Queue, Worker } = require('bullmq');

/** Adds a job, and waits until it is processed. */
module.exports = {
  servers: ['redis'],
  async setup({ REDIS_URL }) {
    const { hostname: host, port } = new URL(REDIS_URL);
    const connection = { host, port: Number(port) };
    const waiting = new Map();
    const name = `bench-${process.pid}`;
    const queue = new Queue(name, { connection });
    const worker = new Worker(name, async ({ data }) => waiting.get(data.key)?.(), {
      connection,
      concurrency: 10,
    });
    await worker.waitUntilReady();
    let count = 0;
    return {
      run: async () => {
        const key = ++count;
        const done = new Promise((resolve) => waiting.set(key, resolve));
        await queue.add('job', { key }, { removeOnComplete: true });
        await done;
        waiting.delete(key);
      },
      close: async () => {
        await worker.close();
        await queue.close();
      },
    };
  },
};
