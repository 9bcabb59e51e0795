// Uses COUNT different statements, keys, and indexes with each library. Prints the memory after half of them, and at the
// end, and how many operations it started.
const { createServer } = require('node:http');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const { DatabaseSync } = require('node:sqlite');

const count = Number(process.argv[2]);
const load = createRequire(join(resolve(process.argv[3]), 'package.json'));
const Sqlite = load('better-sqlite3');
const Memcached = load('memcached');
const { Client } = load('@elastic/elasticsearch');
const { createClient } = load('@clickhouse/client');

const totals = { sqlite: 0, memcached: 0, elasticsearch: 0, clickhouse: 0 };
const words = (i) => i.toString(36).replace(/\d/g, (digit) => 'abcdefghij'[digit]);

/** Replies to all requests, because only the names matter. */
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, {
    'content-type': 'application/json',
    'x-elastic-product': 'Elasticsearch',
  });
  response.end('{}');
});

async function run(base) {
  const databases = [new Sqlite(':memory:'), new DatabaseSync(':memory:')];
  const memcached = new Memcached(process.env.MEMCACHED_HOST);
  const elasticsearch = new Client({ node: base });
  const clickhouse = createClient({ url: base, log: { level: 127 } });
  const useNames = async (from, to) => {
    for (let i = from; i < to; i++) {
      for (const db of databases) db.prepare(`SELECT ${i} AS n_${words(i)}`).get();
      totals.sqlite += 2;
      // Network calls are slower.
      if (i % 10 > 0) continue;
      await Promise.all([
        new Promise((done) => memcached.get(`key-${i}`, done)),
        elasticsearch.search({ index: `index-${words(i)}` }),
        clickhouse.command({ query: `SELECT ${i} AS n_${words(i)}` }),
      ]);
      totals.memcached += 1;
      totals.elasticsearch += 1;
      totals.clickhouse += 1;
    }
    global.gc();
    return process.memoryUsage().heapUsed;
  };
  const half = await useNames(0, count / 2);
  const end = await useNames(count / 2, count);
  memcached.end();
  await Promise.all([elasticsearch.close(), clickhouse.close()]);
  console.log(JSON.stringify({ half, end, totals }));
}

server.listen(0, '127.0.0.1', async () => {
  await run(`http://127.0.0.1:${server.address().port}`);
  server.close();
});
