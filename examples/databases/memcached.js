// Stores the prices of rooms in Memcached.
import { promisify } from 'node:util';
import Memcached from 'memcached';

const client = new Memcached(process.env.MEMCACHED_HOST ?? '127.0.0.1:11211');
const set = promisify(client.set).bind(client);
const get = promisify(client.get).bind(client);
const incr = promisify(client.incr).bind(client);
const LIFETIME = 60; // in seconds

for (const [id, price] of Object.entries({ 7: '120', 8: '95', 9: 'sold out' })) {
  await set(`example-room-${id}`, price, LIFETIME);
}
console.log(`room 7: ${await get('example-room-7')}`);
console.log(`room 8: ${await incr('example-room-8', 10)}`);
try {
  await incr('example-room-9', 10); // The value isn't a number.
} catch ({ message }) {
  console.log(`failed: ${message}`);
}
client.end();
