// The measured service. FRAMEWORK chooses Express or Fastify. A route exists only if its server is configured:
// DATABASE_URL adds two PostgreSQL queries, REDIS_URL and UPSTREAM_URL add one Redis command and one fetch.
// Sends its CPU time and memory usage to the parent process on request.
const { FRAMEWORK, BENCH_AGENT, DATABASE_URL, REDIS_URL, UPSTREAM_URL } = process.env;

const toJson = (id) => ({ id, rooms: [1, 2, 3], ok: true });

if (FRAMEWORK === 'fastify') {
  const app = require('fastify')();
  app.get('/json/:id', async (request) => toJson(request.params.id));
  app.listen({ port: 0, host: '127.0.0.1' }).then(() => announce(app.server));
} else {
  const express = require('express');
  const app = express();
  if (BENCH_AGENT === 'express-prom-bundle') {
    app.use(require('express-prom-bundle')({ includeMethod: true, includePath: true }));
  }
  app.get('/json/:id', (request, response) => {
    response.json(toJson(request.params.id));
  });
  if (DATABASE_URL) {
    const { Pool } = require('pg');
    const pool = new Pool({ connectionString: DATABASE_URL, max: 8 });
    app.get('/rooms/:id', async (request, response) => {
      const { rows } = await pool.query('SELECT $1::int AS id', [request.params.id]);
      const price = await pool.query('SELECT $1::int * 10 AS price', [request.params.id]);
      response.json({ ...rows[0], ...price.rows[0] });
    });
  }
  if (REDIS_URL) {
    const { Redis } = require('ioredis');
    const redis = new Redis(REDIS_URL);
    app.get('/calls/:id', async (_request, response) => {
      const upstream = await fetch(UPSTREAM_URL);
      const { price } = await upstream.json();
      response.json({ price, room: await redis.get('room') });
    });
  }
  const server = app.listen(0, '127.0.0.1', () => announce(server));
}

function announce(server) {
  process.send({ port: server.address().port, startMs: performance.now() });
}

process.on('message', () => {
  process.send({ cpu: process.cpuUsage(), rssMb: process.memoryUsage().rss / 1e6 });
});
