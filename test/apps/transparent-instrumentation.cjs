// Triggers every hook, and prints everything that the application can observe. The output must be
// the same with and without `perfscope/register`.
const { createServer, get } = require('node:http');
const { once } = require('node:events');

const observations = [];
const note = (subject, value) => observations.push(`${subject}: ${value}`);
const shape = (error) => `${error?.constructor?.name} ${error?.code ?? ''} ${error?.message}`;
process.on('unhandledRejection', (reason) => note('unhandled', shape(reason)));
process.on('uncaughtException', (error) => note('uncaught', shape(error)));

async function main() {
  await http();
  await postgres();
  await bullmq();
  for (const line of observations) console.log(line);
  process.exitCode = 0;
}

async function http() {
  const express = require('express');
  const app = express();
  const router = express.Router();
  app.get('/throws', () => {
    throw new Error('thrown');
  });
  app.get('/rejects', () => Promise.reject(new Error('rejected')));
  app.use('/mounted', router);
  router.get('/this', function handler(request, response) {
    note('this in a handler', this === undefined || this === globalThis);
    note('base', `${request.baseUrl} ${request.route.path} ${request.url}`);
    response.json({});
  });
  router.param('id', (_request, _response, next, id) =>
    id === 'bad' ? next(new Error('param')) : next(),
  );
  router.get('/:id', (_request, response) => response.send('id'));
  app.get('/frozen', (request, response) => {
    Object.freeze(request);
    response.send('frozen');
  });
  app.get('/listeners', (request, response) => {
    const order = [];
    response.on('finish', () => order.push('finish'));
    response.on('close', () => {
      order.push('close');
      note('order', order.join());
    });
    note(
      'request listeners',
      request
        .eventNames()
        .filter((n) => typeof n === 'string')
        .join(),
    );
    response.send('');
  });
  app.use((error, _request, response, _next) => {
    note('error handler', shape(error));
    response.status(500).send('');
  });
  note(
    'router length',
    `${express.Router.length} ${app.handle.length} ${app.use.length} ${app.use.name}`,
  );
  const server = createServer(app);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  for (const path of [
    '/throws',
    '/rejects',
    '/mounted/this',
    '/mounted/bad',
    '/mounted/7',
    '/frozen',
    '/listeners',
    '/none',
  ]) {
    const [response] = await once(get({ port, path, host: '127.0.0.1', agent: false }), 'response');
    response.resume();
    await once(response, 'end');
    note(path, response.statusCode);
  }
  // Express 4 does not respond if a handler rejects. The open request must not keep the process
  // alive.
  server.close();
  server.closeAllConnections();
}

async function postgres() {
  const pg = require('pg');
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
  const client = await pool.connect();
  note(
    'query',
    `${client.query.length} ${client.query.name} ${Object.keys(client).includes('query')}`,
  );
  note('promise', (await client.query('SELECT 1 AS one')).rows[0].one);
  note('pool promise', (await pool.query('SELECT $1::int AS two', [2])).rows[0].two);
  await new Promise((done) => {
    const returned = client.query('SELECT 3 AS three', function callback(error, result) {
      note(
        'callback',
        `${error} ${result.rows[0].three} ${this === undefined || this === globalThis}`,
      );
      done();
    });
    note('returned with a callback', returned);
  });
  note('rejection', await client.query('SELECT nothing').catch(shape));
  await new Promise((done) => {
    client.query('SELECT nothing', (error, result) => {
      note('failed callback', `${shape(error)} ${result}`);
      done();
    });
  });
  client.query('SELECT not_handled');
  await client.query('SELECT 1');
  await new Promise(setImmediate);
  const throwing = {
    get text() {
      throw new Error('getter');
    },
  };
  try {
    await client.query(throwing);
  } catch (error) {
    note('throwing getter', shape(error));
  }
  for (const bad of [null, undefined]) {
    try {
      await client.query(bad);
    } catch (error) {
      note('bad query', shape(error));
    }
  }
  const { Query } = pg;
  const submitted = new Query('SELECT 4 AS four');
  const rows = [];
  submitted.on('row', (row) => rows.push(row.four));
  note('submitted', client.query(submitted) === submitted);
  note('events', submitted.eventNames().join());
  await once(submitted, 'end');
  note('rows', rows);
  const config = Object.freeze({ name: 'frozen', text: 'SELECT $1::text AS text', values: ['5'] });
  note('frozen config', await client.query(config).then((r) => r.rows[0].text, shape));
  client.release();
  await new Promise((done) => {
    pool.connect(function connected(error, c, release) {
      note('pool callback', `${error} ${typeof c.query} ${typeof release}`);
      release();
      done();
    });
  });
  const full = new pg.Pool({ ...pool.options, max: 1 });
  const only = await full.connect();
  full.options.connectionTimeoutMillis = 10;
  note('pool timeout', await full.connect().catch(shape));
  await new Promise((done) => {
    full.connect((error, c, release) => {
      note('pool timeout with a callback', `${shape(error)} ${c} ${release}`);
      done();
    });
  });
  only.release();
  await full.end();
  await pool.end();
  note('ended', await pool.query('SELECT 1').catch(shape));
  await failedConnects(pg);
}

async function failedConnects(pg) {
  const closed = { host: '127.0.0.1', port: 1, user: 'eve', password: 's3cret' };
  const client = new pg.Client(closed);
  note('connect', `${client.connect.length} ${client._connect.length} ${client._connect.name}`);
  note('refused', await client.connect().catch(shape));
  await new Promise((done) => {
    const returned = new pg.Client(closed).connect(function connected(...results) {
      note(
        'refused callback',
        `${results.map(shape)} ${this === undefined || this === globalThis}`,
      );
      done();
    });
    note('connect with a callback', returned);
  });
  const pool = new pg.Pool(closed);
  note('refused pool', await pool.connect().catch(shape));
  note('refused query', await pool.query('SELECT 1').catch(shape));
  const before = observations.length;
  new pg.Client(closed).connect();
  pool.connect();
  while (observations.length < before + 2) await new Promise((done) => setTimeout(done, 10));
}

async function bullmq() {
  const { Queue, Worker, FlowProducer } = require('bullmq');
  const { hostname: host, port } = new URL(process.env.REDIS_URL);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const prefix = process.env.QUEUE_PREFIX;
  const queue = new Queue('breaks', { connection, prefix });
  const order = [];
  let done;
  const all = new Promise((resolve) => {
    done = resolve;
  });
  const worker = new Worker(
    'breaks',
    async function processor(job) {
      note('options', JSON.stringify(job.opts));
      if (job.name === 'undefined') return Promise.reject(undefined);
      if (job.name === 'text') throw 'a plain string';
      if (job.name === 'error') throw new TypeError('broken');
      return { name: job.name };
    },
    { connection, prefix, autorun: false },
  );
  worker.on('completed', function completed(job, result) {
    order.push(`${job.name} ${JSON.stringify(result)} ${this === worker}`);
    if (job.name === 'last') done();
  });
  worker.on('failed', (job, error) => order.push(`${job.name} failed ${shape(error)}`));
  worker.on('error', (error) => order.push(`error ${shape(error)}`));
  note('worker listeners', worker.eventNames().sort().join());
  note('emit', `${worker.emit('nobody')} ${worker.emit.length} ${worker.emit.name}`);
  const job = await queue.add('text', { a: 1 });
  note(
    'job',
    `${job.constructor.name} ${JSON.stringify(job.opts)} ${Object.keys(job.asJSON()).sort()}`,
  );
  await queue.addBulk([
    { name: 'error', data: {} },
    { name: 'undefined', data: {} },
  ]);
  note('bad options', await queue.add('x', {}, { delay: -1 }).then((j) => j.name, shape));
  const flows = new FlowProducer({ connection, prefix });
  const tree = await flows.add({
    name: 'parent',
    queueName: 'other',
    children: [{ name: 'child', queueName: 'breaks' }],
  });
  note('flow', `${tree.job.name} ${tree.children.length}`);
  await queue.add('last', {});
  worker.run();
  await all;
  note('events', order.join(' | '));
  await worker.close();
  await flows.close();
  await queue.close();
}

void main();
