// Uses a number of different statements, keys, and indexes with each library. Returns the memory after
// a third of them, and at the end, and how many operations it started.
const { createServer } = require('node:http');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const { DatabaseSync } = require('node:sqlite');

const { env } = process;
const count = Number(env.COUNT);
const load = createRequire(join(resolve(env.FOLDER), 'package.json'));
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

async function useLibraries(base) {
  // better-sqlite3 itself needs more memory with each statement. It has the same instrumentation.
  const db = new DatabaseSync(':memory:');
  const memcached = new Memcached(env.MEMCACHED_HOST);
  const elasticsearch = new Client({ node: base });
  const clickhouse = createClient({ url: base, log: { level: 127 } });
  const useNames = async (from, to) => {
    for (let i = from; i < to; i++) {
      db.prepare(`SELECT ${i} AS n_${words(i)}`).get();
      totals.sqlite += 1;
      // Network calls are slower.
      if (i % 20 > 0) continue;
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
  const third = await useNames(0, count / 3);
  const end = await useNames(count / 3, count);
  memcached.end();
  await Promise.all([elasticsearch.close(), clickhouse.close()]);
  return { third, end, totals };
}

module.exports = async function run() {
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const result = await useLibraries(`http://127.0.0.1:${server.address().port}`);
  server.close();
  return result;
};
