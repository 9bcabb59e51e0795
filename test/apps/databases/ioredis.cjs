const { env } = process;

/** Keeps the server busy for 40 ms. */
const SLOW_SCRIPT = `
  local start = redis.call('TIME')
  local now = start
  while (now[1] - start[1]) * 1000000 + now[2] - start[2] < 40000 do now = redis.call('TIME') end
  return 1`;

module.exports = async function run(ioredis) {
  const Redis = ioredis.Redis ?? ioredis.default;
  const redis = new Redis(env.REDIS_URL);
  // These commands wait in the offline queue.
  await Promise.all([redis.set('text', 'a'), redis.get('text')]);
  for (let i = 0; i < 5; i++) await redis.get('text');
  await new Promise((resolve) => redis.get('text', resolve));
  await redis.call('GeT', 'text');
  const wrongType = await redis.lpush('text', 'b').catch((error) => error);

  await redis.pipeline().set('p1', 1).set('p2', 2).get('p1').lpush('text', 'b').exec();
  await redis.multi().incr('n').incr('n').exec();
  await redis.multi({ pipeline: false });
  await redis.incr('n');
  await redis.exec();

  await redis.blpop('empty', 0.05);
  await redis.xread('BLOCK', 10, 'STREAMS', 'stream', '$');
  await redis.xread('STREAMS', 'stream', '0');

  redis.defineCommand('answer', { numberOfKeys: 1, lua: 'return ARGV[1]' });
  const startMs = performance.now();
  // The first call runs EVAL too, because Redis doesn't know the script.
  for (let i = 0; i < 3; i++) await redis.answer('key', 'value');
  await redis.eval(SLOW_SCRIPT, 0);
  const evalMs = performance.now() - startMs;

  const automatic = new Redis(env.REDIS_URL, { enableAutoPipelining: true });
  await automatic.ping();
  await Promise.all(['a', 'b', 'c'].map((key) => automatic.hgetall(key)));

  const subscriber = redis.duplicate({ db: 2, connectionName: 'subscriber' });
  const message = new Promise((resolve) => subscriber.once('message', resolve));
  await subscriber.subscribe('news');
  await redis.publish('news', 'hello');
  await message;

  const unreachable = new Redis({
    port: Number(env.CLOSED_PORT),
    host: '127.0.0.1',
    retryStrategy: (times) => (times < 3 ? 10 : null),
    maxRetriesPerRequest: 1,
  });
  unreachable.on('error', () => {});
  const connectError = await unreachable.get('text').catch((error) => error);
  await new Promise((resolve) => unreachable.once('end', resolve));
  const closedError = await unreachable.get('text').catch((error) => error);

  const rejected = new Redis(env.REDIS_URL, {
    username: 'x',
    password: 'x',
    retryStrategy: () => null,
  });
  rejected.on('error', () => {});
  await new Promise((resolve) => rejected.once('end', resolve));

  for (const client of [redis, automatic, subscriber]) client.disconnect();
  return { evalMs, errors: [wrongType, connectError, closedError].map(({ name }) => name) };
};
