module.exports = async function createAdapter(Bull) {
  const opened = [];
  return {
    createQueue: async (name) => {
      const queue = new Bull(name, process.env.REDIS_URL);
      opened.push(queue);
      return {
        add: (data) => queue.add(data.kind, data, { attempts: 2 }),
        // The promise is fulfilled when the queue is closed.
        process: (handler) => void queue.process('*', 4, ({ data }) => handler(data)),
      };
    },
    close: async () => {
      for (const each of opened) await each.close();
    },
  };
};
