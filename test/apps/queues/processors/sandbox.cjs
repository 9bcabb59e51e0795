const { createRequire } = require('node:module');
const { join } = require('node:path');

const { env } = process;
const { Redis } = createRequire(join(env.LIBRARY_FOLDER, 'package.json'))('ioredis');
const redis = new Redis(env.REDIS_URL);

/** Runs a command for each job, and checks the options that the application can read. */
module.exports = async ({ data, opts }) => {
  await redis.set(`room ${data.key}`, data.tenant);
  if ('perfscope' in opts) throw new Error('The tenant is in the options.');
  if (data.kind === 'fail') throw new Error('fails');
  return data.key;
};
