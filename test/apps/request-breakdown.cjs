// Express routes whose handlers run statements, add jobs, and block the event loop. `/calls` returns what the handlers did.
const express = require('express');
const { Pool } = require('pg');
const { Queue } = require('bullmq');

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
const queue = new Queue(process.env.QUEUE_NAME, {
  connection: { url: process.env.REDIS_URL, maxRetriesPerRequest: null },
});
/** Number of statements and jobs, and time in ms, by route. */
const calls = {};

async function measure(route, kind, fn) {
  calls[route] ??= { statements: 0, jobs: 0, statementMs: 0, jobMs: 0 };
  const startMs = performance.now();
  try {
    return await fn();
  } finally {
    calls[route][`${kind}s`] += 1;
    calls[route][`${kind}Ms`] += performance.now() - startMs;
  }
}

const query = (route, text, values) => measure(route, 'statement', () => pool.query(text, values));

const app = express();
app.get('/rooms/:id', async (request, response) => {
  const sleep = 'SELECT pg_sleep(0.02)';
  await query('/rooms/:id', sleep);
  const { rows } = await query('/rooms/:id', 'SELECT name FROM rooms WHERE id = $1', [
    request.params.id,
  ]);
  response.json(rows);
  // Runs after the response, so it belongs to no request.
  response.once('finish', () => setImmediate(() => pool.query('SELECT 1')));
});
app.get('/list', async (_request, response) => {
  for (let i = 0; i < 8; i++) await query('/list', 'SELECT name FROM guests WHERE id = $1', [i]);
  response.json([]);
});
app.post('/import', async (_request, response) => {
  const client = await pool.connect();
  await client.query('BEGIN');
  for (let i = 0; i < 12; i++)
    await client.query('UPDATE guests SET name = NULL WHERE id = $1', [i]);
  await client.query('COMMIT');
  client.release();
  await pool.query('SELECT id AS evidence FROM generate_series(1, 150) id');
  response.json({});
});
app.post('/mail', async (_request, response) => {
  await measure('/mail', 'job', () => queue.add('send', {}));
  response.json({});
});
app.get('/target', (_request, response) => setTimeout(() => response.json({}), 20));
app.get('/outgoing', async (request, response) => {
  const target = `http://127.0.0.1:${request.socket.localPort}/target`;
  await Promise.all([fetch(target), fetch(target)]);
  response.json({});
});
app.get('/busy', (_request, response) => {
  const endMs = performance.now() + 60;
  while (performance.now() < endMs);
  response.json({});
});
app.get('/broken', async (_request, _response) => {
  await query('/broken', 'SELECT name FROM rooms');
  await query('/broken', 'SELECT missing FROM rooms');
});
app.get('/calls', (_request, response) => response.json(calls));
app.use((_error, _request, response, _next) => response.status(500).json({}));

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port} `);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void pool.end();
  void queue.close();
});
