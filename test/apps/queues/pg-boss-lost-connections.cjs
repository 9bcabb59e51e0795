const { setTimeout: delay } = require('node:timers/promises');
const { Pool } = require('pg');

const { DATABASE_URL, SCHEMA } = process.env;
const JOBS = 20;

/** Processes jobs while the server closes the connections of pg-boss. */
module.exports = async function run(library) {
  const { PgBoss } = library;
  const boss = new PgBoss({ connectionString: DATABASE_URL, schema: SCHEMA, supervise: false });
  let errors = 0;
  boss.on('error', () => {
    errors += 1;
  });
  await boss.start();
  await boss.createQueue('mail');
  await boss.insert(
    'mail',
    Array.from({ length: JOBS }, (_, n) => ({ data: { n } })),
  );
  const pool = new Pool({ connectionString: DATABASE_URL });
  const runs = new Map();
  let closed = 0;
  await boss.work('mail', { pollingIntervalSeconds: 0.5, batchSize: 5 }, async (jobs) => {
    for (const { id } of jobs) runs.set(id, (runs.get(id) ?? 0) + 1);
    if (closed < 2) {
      closed += 1;
      await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgboss%' AND pid IN (SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND query LIKE '%${SCHEMA}.%')`,
      );
    }
    await delay(10);
  });
  const deadline = Date.now() + 30_000;
  while (runs.size < JOBS) {
    if (Date.now() > deadline) throw new Error('jobs are missing');
    await delay(50);
  }
  await delay(300);
  const { rows } = await pool.query(
    `SELECT count(*)::int AS completed FROM ${SCHEMA}.job WHERE name = 'mail' AND state = 'completed'`,
  );
  await boss.stop();
  await pool.end();
  return { started: [...runs.values()].reduce((sum, count) => sum + count, 0), errors, ...rows[0] };
};
