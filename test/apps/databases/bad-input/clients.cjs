// Opens a client of each library, with the same interface.
const { createRequire } = require('node:module');
const { join } = require('node:path');

const load = (folder, name) => createRequire(join(folder, 'program.cjs'))(name);

const openers = {
  async pg(folder) {
    const client = new (load(folder, 'pg').Client)(process.env.DATABASE_URL);
    await client.connect();
    return { client, run: () => client.query('SELECT 1'), close: () => client.end() };
  },
  async postgres(folder) {
    const sql = load(folder, 'postgres')(process.env.DATABASE_URL, { max: 1, fetch_types: false });
    return { client: sql, run: async () => await sql.unsafe('SELECT 1'), close: () => sql.end() };
  },
  async mysql2(folder) {
    const client = load(folder, 'mysql2').createConnection(process.env.MYSQL_URL);
    const run = () =>
      new Promise((done, fail) => {
        client.query('SELECT 1', (error, rows) => (error ? fail(error) : done(rows)));
      });
    return { client, run, close: () => new Promise((done) => client.end(done)) };
  },
  async ioredis(folder) {
    // With some flags, the library can't connect.
    const retryStrategy = () => null;
    const client = new (load(folder, 'ioredis').Redis)(process.env.REDIS_URL, { retryStrategy });
    return { client, run: () => client.get('none'), close: () => client.disconnect() };
  },
  async redis(folder) {
    const client = await load(folder, 'redis')
      .createClient({ url: process.env.REDIS_URL })
      .connect();
    return { client, run: () => client.get('none'), close: () => client.disconnect() };
  },
};

module.exports = { load, open: (library, folder) => openers[library](folder) };
