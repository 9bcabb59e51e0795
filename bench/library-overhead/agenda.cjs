// One operation adds a job and runs it.
module.exports = {
  servers: ['mongodb'],
  // The server responds late, so the process would be idle most of the time.
  parallel: 8,
  async setup({ MONGODB_URL }) {
    const [{ Agenda }, { MongoBackend }] = await Promise.all([
      import('agenda'),
      import('@agendajs/mongo-backend'),
    ]);
    const agenda = new Agenda({
      backend: new MongoBackend({ address: `${MONGODB_URL}/bench-${process.pid}` }),
    });
    await agenda.ready;
    agenda.define('bench', async () => {});
    return {
      run: async () => {
        const job = await agenda.now('bench', { n: 1 });
        await job.run();
      },
      close: () => agenda.backend.disconnect(),
    };
  },
};
