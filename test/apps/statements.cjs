// Sends each kind of `pg` query a known number of times.
const { once } = require('node:events');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const pg = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const { from, to } = require('pg-copy-streams');

async function main() {
  const client = new pg.Client(process.env.DATABASE_URL);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS lines (id int, text text)');
  await client.query('BEGIN');
  await pipeline(Readable.from(['1\ta\n2\tb\n']), client.query(from('COPY lines FROM STDIN')));
  await client.query('COMMIT');
  await client
    .query(to('COPY lines TO STDOUT'))
    .resume()
    .toArray()
    .catch(() => {});
  for (const values of [[1], [2], [3]]) {
    await client.query({ name: 'named', text: 'SELECT text FROM lines WHERE id = $1', values });
  }
  const cursor = client.query(new Cursor('SELECT id FROM lines'));
  while ((await cursor.read(1)).length > 0);
  await cursor.close();
  const stream = client.query(new QueryStream('SELECT id, text FROM lines'));
  stream.resume();
  await once(stream, 'close');
  await client.query('ROLLBACK').catch(() => {});
  await client.query('SELECT 1 / (id - 1) FROM lines').catch(() => {});
  await client.query('DROP TABLE lines');
  await client.end();
  const closed = { host: '127.0.0.1', port: 1, user: 'eve', password: 's3cret' };
  await new pg.Client(closed).connect().catch(() => {});
  await new pg.Pool(closed).query('SELECT 1').catch(() => {});
}

main().then(() => console.log('done'));
