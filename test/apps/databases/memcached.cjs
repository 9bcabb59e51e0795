const { env } = process;

module.exports = async function run(library) {
  const Memcached = library.default ?? library;
  const client = new Memcached(env.MEMCACHED_HOST, { namespace: `secret-${process.pid}:` });
  const call = (method, ...args) =>
    new Promise((resolve, reject) => {
      client[method](...args, (error, result) => (error ? reject(error) : resolve(result)));
    });
  const fail = (method, ...args) =>
    call(method, ...args).then(
      () => 'no error',
      (error) => error.message,
    );
  await call('set', 'a', 'text', 60);
  await call('set', 'b', { n: 1 }, 60);
  const values = [await call('get', 'a'), await call('get', 'missing')];
  const multi = await call('getMulti', ['a', 'b', 'missing']);
  const list = await call('get', ['a', 'b']);
  const stored = [await call('add', 'c', '1', 60), await fail('add', 'c', '1', 60)];
  const counter = [await call('incr', 'c', 5), await call('decr', 'c', 1)];
  const { cas } = await call('gets', 'a');
  const swapped = await call('cas', 'a', 'text 2', cas, 60);
  const deleted = [await call('del', 'b'), await call('del', 'b')];
  await call('touch', 'a', 30);
  const [version] = await call('version');
  const errors = [
    await fail('incr', 'a', 1),
    await fail('set', 'd', 'text', 'not a number'),
    await fail('set', 'large', 'x'.repeat(2_000_000), 60),
  ];
  const unreachable = new Memcached('127.0.0.1:1', {
    retries: 0,
    failures: 1,
    failuresTimeout: 50,
    retry: 10,
    reconnect: 10,
  });
  const refused = await new Promise((resolve) => {
    unreachable.get('a', (error) => resolve(error.message));
  });
  client.end();
  unreachable.end();
  return { values, multi, list, stored, counter, swapped, deleted, version, errors, refused };
};
