// Calls each library with unusual statements, arguments, and errors, and prints everything that it can observe.
const { load, open } = require('./clients.cjs');

const [, library, folder] = process.argv.slice(2);
const describe = (error) => {
  try {
    return `${error?.constructor?.name} ${error?.code} ${error?.message}`;
  } catch (failure) {
    return `unreadable ${failure.message}`;
  }
};
const attempt = async (name, call) => {
  try {
    console.log(name, 'resolved', JSON.stringify(await call()));
  } catch (error) {
    console.log(name, 'failed', describe(error));
  }
};
const throwing = (property, others) =>
  Object.defineProperty({ ...others }, property, {
    enumerable: true,
    get() {
      throw new Error(`getter of ${property}`);
    },
  });
/** Prints each access of the library. */
const logged = (name, target) =>
  new Proxy(target, {
    get(object, key) {
      console.log(name, 'reads', String(key));
      return Reflect.get(object, key);
    },
    has(object, key) {
      console.log(name, 'checks', String(key));
      return Reflect.has(object, key);
    },
  });
const unreadableError = () => {
  const error = new Error('unreadable');
  for (const key of ['code', 'name', 'errno'])
    Object.defineProperty(error, key, {
      get() {
        throw new Error(`getter of ${key}`);
      },
    });
  return error;
};
const noText = {
  toString() {
    throw new Error('no text');
  },
};

const programs = {
  async pg(client) {
    for (const [name, value] of Object.entries({
      number: 1,
      symbol: Symbol('s'),
      noText,
      undefined,
    }))
      await attempt(name, () => client.query(value));
    await attempt('frozen', async () => {
      const config = Object.freeze({ text: 'SELECT $1::int', values: Object.freeze([1]) });
      return (await client.query(config)).rows;
    });
    await attempt(
      'proxy',
      async () => (await client.query(logged('config', { text: 'SELECT 2' }))).rows,
    );
    for (const key of ['text', 'values', 'name'])
      await attempt(key, () => client.query(throwing(key, { text: 'SELECT 3' })));
    const types = {
      getTypeParser: () => () => {
        throw unreadableError();
      },
    };
    await attempt('unreadable error', () => client.query({ text: 'SELECT 4, 4', types }));
    await attempt('value', () =>
      client.query('SELECT $1::text', [{ toPostgres: noText.toString }]),
    );
    Object.freeze(client.connectionParameters);
    await attempt(
      'buffer',
      async () => (await client.query('SELECT $1::bytea', [Buffer.from('a')])).rowCount,
    );
    for (const host of ['host', 'password'])
      await attempt(`connect ${host}`, async () =>
        new (load(folder, 'pg').Client)(throwing(host, { port: 1 })).connect(),
      );
  },
  async postgres(sql) {
    for (const [name, value] of Object.entries({ number: 1, noText, undefined }))
      await attempt(name, () => sql.unsafe(value));
    await attempt('frozen', () => sql.unsafe('SELECT $1::int', Object.freeze([1])));
    await attempt('proxy', () => sql.unsafe('SELECT $1::int', [2], logged('options', {})));
    await attempt('unreadable error', () => sql`SELECT ${noText}::text, 1`);
    await attempt('forEach', () =>
      sql`SELECT 5, 5, 5`.forEach(() => {
        throw new Error('row');
      }),
    );
    Object.freeze(sql);
    await attempt('frozen client', () => sql`SELECT 6`);
  },
  async mysql2(client) {
    const run = (...args) =>
      new Promise((done, fail) => {
        client.query(...args, (error, rows) => (error ? fail(error) : done(rows)));
      });
    await attempt('undefined', () => run(undefined));
    await attempt('frozen', () =>
      run(Object.freeze({ sql: 'SELECT ? AS n', values: Object.freeze([1]) })),
    );
    await attempt('proxy', () => run(logged('options', { sql: 'SELECT 2 AS n' })));
    for (const key of ['sql', 'values'])
      await attempt(key, () => run(throwing(key, { sql: 'SELECT 3 AS n' })));
    await attempt('value', () => run('SELECT ? AS n', [noText]));
    await attempt('values', () =>
      run('SELECT ? AS n, ? AS m', Object.freeze(['a', Buffer.from('b')])),
    );
    await attempt('connect', () => load(folder, 'mysql2').createConnection(throwing('host', {})));
    // Version 3 closes the connection. Version 2 stops only when the server closes it.
    if (folder.endsWith('-3')) await attempt('number', () => run(1));
  },
  async ioredis(client) {
    await client.set('text', 'a');
    await attempt('frozen', () => client.mget(Object.freeze(['text', 'none'])));
    await attempt('proxy', () => client.mget(logged('arguments', ['text'])));
    await attempt('buffer', () => client.getBuffer(Buffer.from('text')));
    await attempt('undefined', () => client.get(undefined));
    await attempt('symbol', () => client.get(Symbol('s')));
    await attempt('call', () => client.call(1));
    await attempt('name', () => client.call('nothing'));
    // The library throws the error of a callback again, in a timer.
    await new Promise((done) => {
      process.once('uncaughtException', (error) => {
        console.log('uncaught', describe(error));
        done();
      });
      client.get('text', () => {
        throw new Error('callback');
      });
    });
    await attempt('options', async () =>
      new (load(folder, 'ioredis').Redis)(throwing('host', {})).disconnect(),
    );
    Object.freeze(client.options);
    await attempt('frozen options', () => client.get('text'));
  },
  async redis(client) {
    await client.set('text', 'a');
    await attempt('frozen', () => client.sendCommand(Object.freeze(['GET', 'text'])));
    await attempt('proxy', () => client.sendCommand(new Proxy(['GET', 'text'], {})));
    await attempt('noText', () => client.sendCommand([noText]));
    await attempt('argument', () => client.sendCommand(['XREAD', noText]));
    await attempt('buffer', () => client.sendCommand([Buffer.from('GET'), Buffer.from('text')]));
    await attempt('undefined', () => client.get(undefined));
    await attempt('command', () => client.sendCommand(undefined));
    await attempt('options', () =>
      load(folder, 'redis').createClient(throwing('password', {})).connect(),
    );
    Object.freeze(client);
    await attempt('frozen client', () => client.get('text'));
  },
};

process.on('exit', (code) => console.log('exit', code));
open(library, folder).then(async ({ client, close }) => {
  await programs[library](client);
  await close();
  console.log('done');
});
