// Sends each kind of postgres.js query a known number of times. Each installed version runs this program.
const { once } = require('node:events');
const { createServer } = require('node:net');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const inRequest = require('./in-request.cjs');

/** @param {typeof import('postgres')} postgres */
module.exports = async function run(postgres) {
  const url = process.env.DATABASE_URL;
  const onnotice = () => {};
  const getCode = (error) => error.code;

  // Statements and errors.
  const sql = postgres(url, { max: 2, onnotice });
  await sql`DROP TABLE IF EXISTS halls`;
  await sql`CREATE TABLE halls (id int PRIMARY KEY, name text)`;
  for (const id of [1, 2, 3]) await sql`INSERT INTO halls VALUES (${id}, ${`hushed${id}`})`;
  await sql`INSERT INTO halls ${sql([
    { id: 4, name: 'hushed4' },
    { id: 5, name: 'hushed5' },
  ])}`;
  console.log('duplicate:', await sql`INSERT INTO halls VALUES (1, 'hushed1')`.catch(getCode));
  console.log('unknown table:', await sql`SELECT * FROM missing`.catch(getCode));
  console.log('found:', (await sql`SELECT name FROM halls WHERE id IN ${sql([1, 2, 3])}`).length);
  console.log('fragment:', (await sql`SELECT id FROM halls ${sql`WHERE id > ${1}`}`).length);
  console.log('unsafe:', (await sql.unsafe("SELECT id FROM halls WHERE name = 'hushed1'")).length);
  console.log('several:', (await sql.unsafe('SELECT 1; SELECT 2')).length);
  console.log('simple:', (await sql`SELECT name FROM halls`.simple()).length);
  console.log('rows:', await sql`SELECT id FROM halls ORDER BY id`.values());
  console.log(
    'described:',
    (await sql`SELECT id AS described FROM halls`.describe()).columns.length,
  );
  // Never awaited, so never sent.
  sql`SELECT 'never' AS sent`;
  const shared = sql`SELECT 'shared' AS shared`;
  await Promise.all([shared, shared.catch(() => {}), shared.finally(() => {})]);

  // Cursors, rows one by one, and COPY.
  let rows = 0;
  for await (const part of sql`SELECT id, name FROM halls`.cursor(2)) rows += part.length;
  await sql`SELECT id, 'cursor' AS kind FROM halls`.cursor(2, (part) => {
    rows += part.length;
  });
  for await (const part of sql`SELECT id, 'stopped' AS kind FROM halls`.cursor(1)) {
    rows += part.length;
    break;
  }
  await sql`SELECT id, 'each' AS kind FROM halls`.forEach(() => {
    rows += 1;
  });
  await pipeline(Readable.from(['6\ta\n7\tb\n']), await sql`COPY halls FROM STDIN`.writable());
  const copied = await (await sql`COPY halls TO STDOUT`.readable()).toArray();
  console.log('rows:', rows, 'copied:', copied.length);

  // Transactions, waits for a connection, and notifications.
  await sql.begin(async (tx) => {
    await tx`UPDATE halls SET name = 'hushed9' WHERE id = 1`;
    await tx.savepoint((save) => save`SELECT count(*) FROM halls`);
  });
  console.log('rolled back:', await sql.begin((tx) => tx`SELECT 1 / 0`).catch(getCode));
  await Promise.all(Array.from({ length: 6 }, (_, i) => sql`SELECT pg_sleep(0.05), ${i}::int`));
  // Evidence for suggestions: a long transaction, a large result, and repeated reads.
  await inRequest(async () => {
    await sql.begin(async (tx) => {
      for (let id = 1; id <= 12; id++) await tx`UPDATE halls SET name = 'hushed' WHERE id = ${id}`;
    });
    await sql`SELECT id AS evidence FROM generate_series(1, 150) id`;
    for (const id of [7, 7, 8, 7]) await sql`SELECT name AS read FROM halls WHERE id = ${id}`;
  });
  const received = new Promise((resolve) => {
    void sql.listen('channel', resolve).then(() => sql.notify('channel', 'hushed'));
  });
  console.log('received:', (await received).length);
  const reserved = await sql.reserve();
  await reserved`SELECT 'reserved' AS kind`;
  reserved.release();
  await sql.end();
  console.log('ended:', await sql`SELECT 'ended' AS kind`.catch(getCode));

  // A query that waits for the only connection, and is canceled there, and a query that is canceled while it runs.
  const single = postgres(url, { max: 1, max_pipeline: 1, fetch_types: false, onnotice });
  const slow = single`SELECT pg_sleep(60)`;
  const slowCode = slow.catch(getCode);
  const waits = single`SELECT 'waits' AS kind`;
  const waitsCode = waits.catch(getCode);
  const started = postgres(url, { max: 1, fetch_types: false });
  for (;;) {
    const [{ count }] = await started`
      SELECT count(*)::int FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'`;
    if (count > 0) break;
  }
  await waits.cancel();
  await slow.cancel();
  console.log('canceled:', await waitsCode, await slowCode);
  await single.end();
  await started.end();

  // Failed connections.
  const { hostname, port } = new URL(url);
  const fail = async (options) => {
    const failing = postgres({ host: hostname, max: 1, ...options });
    console.log('connect:', await failing`SELECT 1`.catch(getCode));
    await failing.end();
  };
  await fail({ port: 1, user: 'eve', pass: 'hushed' });
  await fail({ port, user: 'nobody', pass: 'hushed' });
  await fail({ port, user: 'demo', database: 'missing' });
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  await fail({ port: silent.address().port, connect_timeout: 0.05 });
  silent.close();
  console.log('done');
};
