const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const [scenario, folder] = process.argv.slice(2);
const { MongoClient } = createRequire(join(resolve(folder), 'package.json'))('mongodb');

const scenarios = {
  /** Node.js ends the process, because the rejection is unhandled. */
  async unhandled(rooms) {
    await rooms.deleteMany({});
    await rooms.insertOne({ _id: 1 });
    void rooms.insertOne({ _id: 1 });
  },
  /** The listeners, options, and properties that an application can see. */
  async state(rooms, client) {
    await rooms.findOne({ _id: 1 });
    const names = (object) => Reflect.ownKeys(object).map(String).sort();
    console.log(client.eventNames(), names(client), client.options?.monitorCommands);
    console.log(client.topology.eventNames().map(String).sort(), names(client.topology));
    await client.close();
  },
};

async function run() {
  const client = new MongoClient(process.env.MONGODB_URL);
  await client.connect();
  await scenarios[scenario](client.db(process.env.DATABASE).collection('rooms'), client);
}
void run();
