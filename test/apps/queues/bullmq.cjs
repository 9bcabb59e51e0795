module.exports = async function createAdapter({ Queue, Worker }) {
  const { hostname: host, port } = new URL(process.env.REDIS_URL);
  const connection = { host, port: Number(port) };
  const opened = [];
  return {
    createQueue: async (name) => {
      const queue = new Queue(name, { connection });
      opened.push(queue);
      return {
        add: (data) => queue.add(data.kind, data, { attempts: 2 }),
        process: async (handler) => {
          const worker = new Worker(name, ({ data }) => handler(data), {
            connection,
            concurrency: 4,
          });
          opened.unshift(worker);
          await worker.waitUntilReady();
        },
      };
    },
    close: async () => {
      for (const each of opened) await each.close();
    },
  };
};
