// A service that uses each library with a standard instrumentation. Sends requests to itself, stops the SDK, and prints
// what the SDK has exported.
const { once } = require('node:events');

const SDK_KEY = Symbol.for('node-sdk');
const REQUESTS = 5;

exports.exercise = async ({ api, express, fastify, pg, mysql, Redis, undici, http }) => {
  const { sdk, reader, exported } = globalThis[SDK_KEY];
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  const database = await mysql.createConnection(process.env.MYSQL_URL);
  const redis = new Redis(process.env.REDIS_URL);
  const prices = fastify();
  prices.get('/prices/:room', async () => ({ price: 80 }));
  const pricesUrl = await prices.listen({ host: '127.0.0.1', port: 0 });
  const histogram = api.metrics
    .getMeter('booking', '1.0')
    .createHistogram('price', { unit: 'EUR' });

  const app = express();
  app.get('/rooms/:id', async (request, response) => {
    const { id } = request.params;
    const { rows } = await pool.query('SELECT name FROM rooms WHERE id = $1', [id]);
    await database.query('SELECT 1 AS id');
    await redis.set(`room:${id}`, '1');
    const { body } = await undici.request(`${pricesUrl}/prices/${id}`);
    histogram.record((await body.json()).price, { 'room.type': 'double' });
    response.json(rows);
  });
  app.get('/fail', (_request, response) => response.status(500).json({}));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;

  const get = async (path) => {
    const request = http.get(url + path);
    const [response] = await once(request, 'response');
    response.resume();
    await once(response, 'end');
  };
  for (let i = 0; i < REQUESTS; i++) await get(`/rooms/${i}`);
  await reader.forceFlush();
  await get('/rooms/7');
  await get('/fail');

  server.close();
  server.closeAllConnections();
  await Promise.all([prices.close(), pool.end(), database.end(), redis.quit()]);
  await sdk.shutdown();
  process.stdout.write(`${JSON.stringify(exported)}\n`);
};
