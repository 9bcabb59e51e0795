// One GET of ioredis.
module.exports = {
  servers: ['redis'],
  async setup({ REDIS_URL }) {
    const { Redis } = require('ioredis');
    const redis = new Redis(REDIS_URL);
    await redis.set('room', 'sea view');
    return { run: () => redis.get('room'), close: () => redis.quit() };
  },
};
