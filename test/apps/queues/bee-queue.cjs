module.exports = async function createAdapter(BeeQueue) {
  const opened = [];
  return {
    createQueue: async (name) => {
      const queue = new BeeQueue(name, { redis: process.env.REDIS_URL });
      await queue.ready();
      opened.push(queue);
      return {
        add: (data) => queue.createJob(data).retries(1).save(),
        process: (handler) => void queue.process(4, ({ data }) => handler(data)),
      };
    },
    close: async () => {
      for (const each of opened) await each.close();
    },
  };
};
