/** The workers poll, so several of them process the jobs in a shorter time. */
const WORKERS = 4;

module.exports = async function createAdapter(library) {
  const PgBoss = library.PgBoss ?? library.default ?? library;
  const { DATABASE_URL, QUEUE_NAME } = process.env;
  const boss = new PgBoss({
    connectionString: DATABASE_URL,
    schema: `of_${QUEUE_NAME.replaceAll('-', '_')}`,
    supervise: false,
  });
  boss.on('error', console.error);
  await boss.start();
  return {
    createQueue: async (name) => {
      await boss.createQueue(name);
      return {
        add: (data) => boss.send(name, data, { retryLimit: 1, retryDelay: 0 }),
        process: (handler) => {
          for (let i = 0; i < WORKERS; i++)
            void boss.work(name, { pollingIntervalSeconds: 0.5 }, ([job]) => handler(job.data));
        },
      };
    },
    close: () => boss.stop({ graceful: false }),
  };
};
