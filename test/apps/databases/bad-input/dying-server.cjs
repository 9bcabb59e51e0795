// Sends requests to a server that closes each second connection, and is then away. Prints the outcomes.
const { createRequire } = require('node:module');
const { createServer } = require('node:net');
const { join, resolve } = require('node:path');

const load = createRequire(join(resolve(process.argv[2]), 'package.json'));
const Memcached = load('memcached');
const { Client } = load('@elastic/elasticsearch');
const { Client: Cassandra } = load('cassandra-driver');
const { createClient } = load('@clickhouse/client');

const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', () => socket.destroy());
});

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const base = `http://127.0.0.1:${port}`;
  const elasticsearch = new Client({ node: base, maxRetries: 0 });
  const clickhouse = createClient({ url: base, log: { level: 127 } });
  const name = (promise) =>
    promise.then(
      () => 'no error',
      (error) => error.name,
    );
  const useAll = async () => {
    const cassandra = new Cassandra({
      contactPoints: ['127.0.0.1'],
      localDataCenter: 'datacenter1',
      protocolOptions: { port },
    });
    console.log(
      await name(elasticsearch.search({ index: 'rooms' })),
      await name(clickhouse.query({ query: 'SELECT 1' })),
      (await clickhouse.ping()).success,
      await name(cassandra.execute('SELECT 1')),
    );
    await cassandra.shutdown();
  };
  // The library never calls the callback of this command.
  const memcached = new Memcached(`127.0.0.1:${port}`, { retries: 0, failures: 1, retry: 10 });
  memcached.get('lost', () => console.log('called'));
  await useAll();
  await new Promise((done) => server.close(done));
  await useAll();
  memcached.end();
  await Promise.all([elasticsearch.close(), clickhouse.close()]);
  console.log('done');
  process.exit();
});
