// Sends each kind of `mysql2` statement a known number of times. Each installed version runs this program.
const { once } = require('node:events');
const { createServer } = require('node:net');
const inRequest = require('./in-request.cjs');

/**
 * @param {typeof import('mysql2')} mysql
 * @param {typeof import('mysql2/promise')} promises
 */
module.exports = async function run(mysql, promises) {
  const url = process.env.MYSQL_URL;
  const toCallback = (start) =>
    new Promise((resolve) => start((error, rows) => resolve(error ? error.code : rows)));

  // Callbacks, multiple statements, and errors.
  const client = mysql.createConnection({ uri: url, multipleStatements: true });
  const query = (...args) => toCallback((done) => client.query(...args, done));
  const execute = (...args) => toCallback((done) => client.execute(...args, done));
  await query('CREATE TABLE IF NOT EXISTS rooms (id INT PRIMARY KEY, name VARCHAR(40))');
  await query('DELETE FROM rooms');
  for (const id of [1, 2, 3]) await query('INSERT INTO rooms VALUES (?, ?)', [id, `hushed${id}`]);
  await query('INSERT INTO rooms SET ?', { id: 4, name: 'hushed4' });
  await query('INSERT INTO rooms (id, name) VALUES ?', [
    [
      [5, 'hushed5'],
      [6, 'hushed6'],
    ],
  ]);
  console.log('duplicate:', await query("INSERT INTO rooms VALUES (1, 'hushed1')"));
  console.log(
    'found:',
    (await query('SELECT name FROM ?? WHERE id IN (?)', ['rooms', [1, 2]])).length,
  );
  console.log('unknown table:', await query('SELECT * FROM missing WHERE name = "hushed"'));
  console.log('syntax:', await query('SELEC name FROM rooms'));
  console.log('several:', (await query('SELECT 1; SELECT 2; DO 3')).length);
  console.log(
    'several with error:',
    await query("SELECT 1; SELECT * FROM missing; SELECT 'hushed'"),
  );

  // Prepared statements.
  for (const id of [1, 2, 3]) await execute('SELECT name FROM rooms WHERE id = ?', [id]);
  console.log(
    'executed:',
    (await execute('SELECT id FROM rooms WHERE name = ?', ['hushed1'])).length,
  );
  console.log(
    'failed execution:',
    await execute('SELECT id FROM missing WHERE name = ?', ['hushed1']),
  );
  const statement = await toCallback((done) =>
    client.prepare('SELECT id FROM rooms LIMIT ?', done),
  );
  for (const limit of [1, 2]) await toCallback((done) => statement.execute([limit], done));
  statement.close();
  console.log(
    'failed prepare:',
    await toCallback((done) => client.prepare('SELECT id FROM missing LIMIT ?', done)),
  );

  // Streams and events.
  let rows = 0;
  const stream = client.query('SELECT id, name FROM rooms').stream();
  stream.on('data', () => rows++);
  await once(stream, 'end');
  const events = client.query('SELECT * FROM missing');
  const [error] = await once(events, 'error');
  console.log('streamed:', rows, 'event:', error.code);
  await toCallback((done) => client.end(done));
  console.log('closed:', (await query('SELECT 1 AS closed')) ?? 'no code');

  // Promises, pools, and transactions.
  const pool = promises.createPool({ uri: url, connectionLimit: 2 });
  await Promise.all(
    Array.from({ length: 6 }, (_, i) => pool.query('SELECT SLEEP(0.05), ? AS i', [i])),
  );
  await pool.execute('SELECT name FROM rooms WHERE id = ?', [4]);
  const connection = await pool.getConnection();
  await connection.beginTransaction();
  await connection.query("UPDATE rooms SET name = 'hushed9' WHERE id = 1");
  await connection.commit();
  await connection.beginTransaction();
  await connection.rollback();
  // Evidence for suggestions: a long transaction, a large result, and repeated reads.
  await inRequest(async () => {
    await connection.beginTransaction();
    for (let id = 1; id <= 12; id++) {
      await connection.query('UPDATE rooms SET name = ? WHERE id = ?', ['hushed', id]);
    }
    await connection.commit();
    await connection.query('SELECT seq AS evidence FROM seq_1_to_150');
    for (const id of [7, 7, 8, 7]) {
      await connection.execute('SELECT id AS executed FROM rooms WHERE id = ?', [id]);
      await connection.query('SELECT id AS queried FROM rooms WHERE id = ?', [id]);
    }
  });
  connection.release();
  const full = mysql.createPool({ uri: url, connectionLimit: 1, queueLimit: 1 });
  const results = await Promise.all(
    [1, 2, 3].map(() => toCallback((done) => full.query('SELECT SLEEP(0.05) AS full', done))),
  );
  console.log(
    'queue limit:',
    results.map((each) => (Array.isArray(each) ? 'rows' : 'error')),
  );
  await toCallback((done) => full.end(done));
  const cluster = mysql.createPoolCluster();
  cluster.add('one', { uri: url });
  const member = await new Promise((resolve, reject) =>
    cluster.getConnection((failure, each) => (failure ? reject(failure) : resolve(each))),
  );
  await toCallback((done) => member.query('SELECT 1 AS cluster', done));
  member.release();
  await toCallback((done) => cluster.end(done));
  await pool.end();

  // Failed connections.
  const { port } = new URL(url);
  const address = { host: '127.0.0.1', port: Number(port), user: 'demo' };
  const connect = async (options) => {
    const failed = await promises.createConnection(options).catch((each) => each.code);
    console.log('connect:', failed);
  };
  await connect({ host: '127.0.0.1', port: 1, user: 'eve', password: 'hushed' });
  await connect({ ...address, user: 'eve', password: 'hushed' });
  await connect({ ...address, database: 'missing' });
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  await connect({ host: '127.0.0.1', port: silent.address().port, connectTimeout: 50 });
  silent.close();
  const refused = promises.createPool({ host: '127.0.0.1', port: 1, user: 'eve' });
  console.log('pool:', await refused.query('SELECT 1').catch((each) => each.code));
  await refused.end();
  console.log('done');
};
