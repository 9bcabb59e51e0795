const { Pool } = require('pg');

const { DATABASE_URL, SCHEMA } = process.env;

/** Uses pg-boss on a pool of the application. */
module.exports = async function run(library) {
  const PgBoss = library.PgBoss ?? library.default ?? library;
  const pool = new Pool({ connectionString: DATABASE_URL });
  const db = { executeSql: (text, values) => pool.query(text, values) };
  const boss = new PgBoss({ db, schema: SCHEMA, supervise: false, schedule: false });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('mail');
  const id = await boss.send('mail', { address: 'a' });
  const [job] = await boss.fetch('mail');
  const { affected } = await boss.complete('mail', job.id);
  await boss.stop({ graceful: false });
  await pool.end();
  return { id, affected };
};
