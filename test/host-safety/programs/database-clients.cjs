const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const [library, scenario, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
const { env } = process;
const names = (object) => Reflect.ownKeys(object).map(String).sort();

/** Prints what an application sees of an error. */
function printError(error) {
  const [first] = error.stack.split('\n');
  console.log(error.constructor.name, error.code, error.message, first, names(error));
}

function openSqlite() {
  if (library === 'node:sqlite') return new (require('node:sqlite').DatabaseSync)(':memory:');
  return new (load('better-sqlite3'))(':memory:');
}

/** The methods that an application can see. Patched methods are the application's own, so they aren't compared. */
function printMethods(object, methods) {
  const prototype = Object.getPrototypeOf(object);
  console.log(names(prototype), names(object));
  for (const name of methods) {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
    console.log(name, flags, object[name].name, object[name].length);
  }
}

const sqlite = {
  state() {
    const db = openSqlite();
    db.exec('CREATE TABLE t (a UNIQUE)');
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    console.log(insert.run(1));
    printMethods(db, ['prepare', 'exec']);
    printMethods(insert, ['run', 'get', 'all', 'iterate']);
    const select = db.prepare('SELECT a FROM t');
    const iterator = select.iterate();
    console.log(iterator[Symbol.iterator]() === iterator, iterator.next(), iterator.return());
    console.log(select.get(), select.all(), [...select.iterate()]);
    for (const fail of [
      () => insert.run(1),
      () => insert.run({}),
      () => db.prepare(5),
      () => db.prepare('SELEC'),
      () => db.exec(),
      () => select.run.call({}),
      () => Object.getPrototypeOf(insert).run.call(undefined),
    ]) {
      try {
        fail();
        console.log('no error');
      } catch (error) {
        printError(error);
      }
    }
    db.close();
    try {
      select.get();
    } catch (error) {
      printError(error);
    }
  },
  /** A function of the application runs inside a statement, and runs statements itself. */
  functions() {
    const db = openSqlite();
    db.function('twice', (n) => n * 2);
    db.function('fails', () => {
      throw new RangeError('from the application');
    });
    console.log(db.prepare('SELECT twice(21) AS n').get());
    try {
      db.prepare('SELECT fails()').get();
    } catch (error) {
      printError(error);
    }
    db.close();
  },
  uncaught() {
    const db = openSqlite();
    db.exec('CREATE TABLE t (a UNIQUE)');
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    insert.run(1);
    insert.run(1);
  },
  unhandled() {
    const db = openSqlite();
    void Promise.resolve().then(() => db.prepare('SELEC').get());
  },
};

const scenarios = {
  'better-sqlite3': sqlite,
  'node:sqlite': sqlite,
  memcached: {
    state() {
      const client = new (load('memcached'))(env.MEMCACHED_HOST);
      client.set(`a${process.pid}`, 'x', 10, function (error, result) {
        console.log(error, result, this.type, names(this));
        printMethods(client, ['command', 'get', 'getMulti', 'connect']);
        console.log(client.eventNames(), names(client));
        client.get(['missing'], (...results) => {
          console.log(results);
          client.get(5, (invalid) => console.log(invalid.message));
          client.end();
        });
      });
    },
    throws() {
      const client = new (load('memcached'))(env.MEMCACHED_HOST);
      // The name of the callback's frame differs, because the agent replaces the property of the query.
      process.once('uncaughtException', (error, origin) => {
        console.log(error.message, origin);
        process.exit(1);
      });
      client.get('missing', () => {
        throw new Error('from the callback');
      });
    },
    refused() {
      const options = { retries: 0, failures: 1, failuresTimeout: 50, retry: 10, reconnect: 10 };
      const client = new (load('memcached'))('127.0.0.1:1', options);
      client.get('a', (error) => {
        printError(error);
        client.end();
      });
    },
  },
  '@clickhouse/client': {
    async state() {
      const client = load('@clickhouse/client').createClient({ url: env.CLICKHOUSE_URL });
      const promise = client.query({ query: 'SELECT 1 AS n', format: 'JSONEachRow' });
      console.log(promise instanceof Promise, await (await promise).json());
      printMethods(client, ['query', 'insert', 'command', 'exec', 'ping']);
      await client.query({}).catch(printError);
      await client.query().catch(printError);
      await client.close();
    },
    async unhandled() {
      const client = load('@clickhouse/client').createClient({
        url: 'http://127.0.0.1:1',
        log: { level: 127 },
      });
      void client.query({ query: 'SELECT 1' });
    },
  },
  '@elastic/elasticsearch': {
    async state() {
      const { Client } = load('@elastic/elasticsearch');
      const client = new Client({ node: 'http://127.0.0.1:1', maxRetries: 0 });
      printMethods(client, ['search']);
      const promise = client.search({ index: 'rooms' });
      console.log(promise instanceof Promise);
      await promise.catch((error) => console.log(error.name, error.message, names(error)));
      await client.transport.request().catch(printError);
      await client.close();
    },
    async unhandled() {
      const { Client } = load('@elastic/elasticsearch');
      // Node.js would print the duration of the request.
      process.once('unhandledRejection', (error) => {
        console.log(error.name, error.message);
        process.exitCode = 1;
      });
      void new Client({ node: 'http://127.0.0.1:1', maxRetries: 0 }).ping();
    },
  },
  'cassandra-driver': {
    async state() {
      const { Client } = load('cassandra-driver');
      const options = { contactPoints: ['127.0.0.1'], localDataCenter: 'datacenter1' };
      const client = new Client({ ...options, protocolOptions: { port: 1 } });
      console.log(client.eventNames(), names(client));
      printMethods(client, ['execute', 'batch', '_execute', '_batch', '_connect']);
      await client.execute('SELECT 1').catch((error) => console.log(error.name, names(error)));
      await client.batch([]).catch(printError);
      await new Promise((done) => {
        client.execute('SELECT 1', (error) => done(console.log(error.name)));
      });
      client.stream('SELECT 1').on('error', (error) => console.log('stream', error.name));
      await client.shutdown();
    },
    async unhandled() {
      const { Client } = load('cassandra-driver');
      const options = { contactPoints: ['127.0.0.1'], localDataCenter: 'datacenter1' };
      void new Client({ ...options, protocolOptions: { port: 1 } }).execute('SELECT 1');
    },
  },
};

void scenarios[library][scenario]();
