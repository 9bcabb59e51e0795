// Sends each kind of `pg.native` query a known number of times. The argument is the folder of `pg` and `pg-native`.
const inRequest = require('./in-request.cjs');

const pg = require(require.resolve('pg', { paths: [process.argv[2]] })).native;

async function main() {
  const connectionString = process.env.DATABASE_URL;
  const getCode = (error) => error.code;
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query('DROP TABLE IF EXISTS natives');
  await client.query('CREATE TABLE natives (id int PRIMARY KEY, name text)');
  for (const id of [1, 2, 3]) {
    await client.query('INSERT INTO natives VALUES ($1, $2)', [id, `hushed${id}`]);
  }
  for (const values of [[1], [2]]) {
    await client.query({ name: 'named', text: 'SELECT name FROM natives WHERE id = $1', values });
  }
  console.log('several:', (await client.query('SELECT 1; SELECT 2')).length);
  console.log(
    'duplicate:',
    await client.query("INSERT INTO natives VALUES (1, 'hushed')").catch(getCode),
  );
  await new Promise((resolve) => client.query('SELECT 1 AS callback', resolve));
  await client.query('BEGIN');
  await client.query('ROLLBACK');
  // Evidence for suggestions: a long transaction, a large result, and repeated reads.
  await inRequest(async () => {
    await client.query('BEGIN');
    for (let id = 1; id <= 12; id++) {
      await client.query('UPDATE natives SET name = $1 WHERE id = $2', ['hushed', id]);
    }
    await client.query('COMMIT');
    await client.query('SELECT id AS evidence FROM generate_series(1, 150) id');
    for (const id of [7, 7, 8, 7]) {
      await client.query('SELECT id AS read FROM natives WHERE id = $1', [id]);
    }
  });
  await client.end();

  const pool = new pg.Pool({ connectionString, max: 2 });
  await Promise.all(Array.from({ length: 6 }, () => pool.query('SELECT pg_sleep(0.05)')));
  await pool.end();
  const { port } = new URL(connectionString);
  const connect = (options) =>
    new pg.Client({ host: '127.0.0.1', ...options }).connect().catch((error) => error.message);
  console.log('connect:', await connect({ port: 1, user: 'eve', password: 'hushed' }));
  console.log('connect:', await connect({ port, user: 'demo', database: 'missing' }));
  const refused = new pg.Pool({ host: '127.0.0.1', port: 1, user: 'eve' });
  console.log('pool:', await refused.query('SELECT 1').catch((error) => error.message));
  await refused.end();
}

main().then(() => console.log('done'));
