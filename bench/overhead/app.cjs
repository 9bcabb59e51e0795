// The measured Express service. If DATABASE_URL is set, one route runs two PostgreSQL queries per request.
// Sends its CPU time and memory usage to the parent process on request.
const express = require('express');

const app = express();
if (process.env.BENCH_AGENT === 'express-prom-bundle') {
  app.use(require('express-prom-bundle')({ includeMethod: true, includePath: true }));
}
app.get('/json/:id', (request, response) => {
  response.json({ id: request.params.id, rooms: [1, 2, 3], ok: true });
});
if (process.env.DATABASE_URL) {
  const { Pool } = require('pg');
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
  app.get('/rooms/:id', async (request, response) => {
    const { rows } = await pool.query('SELECT $1::int AS id', [request.params.id]);
    const price = await pool.query('SELECT $1::int * 10 AS price', [request.params.id]);
    response.json({ ...rows[0], ...price.rows[0] });
  });
}
const server = app.listen(0, '127.0.0.1', () => {
  process.send({ port: server.address().port, startMs: performance.now() });
});
process.on('message', () => {
  process.send({ cpu: process.cpuUsage(), rssMb: process.memoryUsage().rss / 1e6 });
});
