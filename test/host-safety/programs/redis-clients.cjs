const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const [scenario, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
const url = process.env.REDIS_URL;

async function createClient() {
  if (folder.includes('ioredis')) return new (load('ioredis').Redis)(url);
  return load('redis').createClient({ url }).connect();
}

const scenarios = {
  /** Node.js ends the process, because the rejection is unhandled. */
  async unhandled(client) {
    await client.set('text', 'a');
    void (client.lpush ?? client.lPush).call(client, 'text', 'b');
  },
  /** The listeners and properties that an application can see. */
  async state(client) {
    await client.set('text', 'a');
    const names = (object) => Reflect.ownKeys(object).map(String).sort();
    console.log(client.eventNames().map(String).sort(), names(client));
    const { prototype } = client.constructor;
    console.log(
      names(prototype).slice(0, 20),
      String(client.sendCommand.name),
      client.sendCommand.length,
    );
    client.disconnect();
  },
  /** A client without a listener for errors prints them, or ends the process. */
  async refused() {
    if (folder.includes('ioredis')) {
      const client = new (load('ioredis').Redis)({ port: 1, retryStrategy: () => null });
      client.once('end', () => console.log('end'));
    } else {
      await load('redis')
        .createClient({ socket: { port: 1, host: '127.0.0.1' } })
        .connect();
    }
  },
};

const run = async () =>
  scenarios[scenario](scenario === 'refused' ? undefined : await createClient());
void run();
