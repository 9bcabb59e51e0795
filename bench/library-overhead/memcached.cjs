const Memcached = require('memcached');

module.exports = {
  servers: ['memcached'],
  async setup({ MEMCACHED_HOST }) {
    const client = new Memcached(MEMCACHED_HOST);
    const call = (method, ...args) =>
      new Promise((resolve, reject) => {
        client[method](...args, (error, result) => (error ? reject(error) : resolve(result)));
      });
    await call('set', 'room', 'text', 600);
    return {
      run: () => call('get', 'room'),
      close: async () => {
        client.end();
      },
    };
  },
};
