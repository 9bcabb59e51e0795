const { env } = process;

/** Keeps the server busy for 40 ms. */
const SLOW_SCRIPT = `
  local start = redis.call('TIME')
  local now = start
  while (now[1] - start[1]) * 1000000 + now[2] - start[2] < 40000 do now = redis.call('TIME') end
  return 1`;

module.exports = async function run({ createClient, createClientPool }) {
  const redis = createClient({ url: env.REDIS_URL });
  const connected = redis.connect();
  // These commands wait for the connection.
  await Promise.all([redis.set('text', 'a'), redis.get('text')]);
  await connected;
  for (let i = 0; i < 6; i++) await redis.get('text');
  await redis.sendCommand(['GeT', 'text']);
  const wrongType = await redis.lPush('text', 'b').catch((error) => error);

  await redis.multi().set('p1', '1').set('p2', '2').get('p1').execAsPipeline();
  await redis.multi().incr('n').incr('n').exec();

  const blocking = redis.duplicate();
  await blocking.connect();
  await blocking.blPop('empty', 0.05);
  await blocking.xRead({ key: 'stream', id: '$' }, { BLOCK: 10 });
  await redis.xRead({ key: 'stream', id: '0' });

  const startMs = performance.now();
  await redis.eval(SLOW_SCRIPT);
  const evalMs = performance.now() - startMs;

  const subscriber = createClient({ url: `${env.REDIS_URL}/2`, name: 'subscriber' });
  await subscriber.connect();
  const message = new Promise((resolve) => {
    void subscriber.subscribe('news', resolve);
  });
  await redis.publish('news', 'hello');
  await message;

  const unreachable = createClient({
    socket: {
      port: Number(env.CLOSED_PORT),
      host: '127.0.0.1',
      reconnectStrategy: (retries) => (retries < 2 ? 10 : new Error('no more attempts')),
    },
  });
  unreachable.on('error', () => {});
  const connectError = await unreachable.connect().catch((error) => error);

  const rejected = createClient({
    url: env.REDIS_URL,
    username: 'x',
    password: 'x',
    socket: { reconnectStrategy: false },
  });
  rejected.on('error', () => {});
  await rejected.connect().catch(() => {});

  // Only versions 5 and 6 have pools. Three tasks share two clients.
  if (createClientPool) {
    const pool = createClientPool({ url: env.REDIS_URL }, { minimum: 1, maximum: 2 });
    pool.on('error', () => {});
    await pool.connect();
    await Promise.all([1, 2, 3].map(() => pool.execute((client) => client.hGetAll('a'))));
    await pool.close();
  }
  for (const client of [redis, blocking, subscriber]) await client.disconnect();
  return { evalMs, errors: [wrongType, connectError].map((error) => error.constructor.name) };
};
