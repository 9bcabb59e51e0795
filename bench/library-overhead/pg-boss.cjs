// One operation adds, fetches, and completes a job.
module.exports = {
  servers: ['postgresql'],
  // The server responds late, so the process would be idle most of the time.
  parallel: 8,
  async setup({ DATABASE_URL }) {
    const { PgBoss } = await import('pg-boss');
    const boss = new PgBoss({
      connectionString: DATABASE_URL,
      schema: `bench_${process.pid}`,
      supervise: false,
      schedule: false,
    });
    boss.on('error', () => {});
    await boss.start();
    await boss.createQueue('bench');
    return {
      run: async () => {
        await boss.send('bench', { n: 1 });
        const [job] = await boss.fetch('bench');
        // Another operation can have fetched the job.
        if (job) await boss.complete('bench', job.id);
      },
      close: () => boss.stop({ graceful: false }),
    };
  },
};
