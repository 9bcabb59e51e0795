// Stores the prices of rooms in Cassandra.
import { Client } from 'cassandra-driver';

const [host, port = '9042'] = (process.env.CASSANDRA_HOST ?? '127.0.0.1').split(':');
const client = new Client({
  contactPoints: [host],
  protocolOptions: { port: Number(port) },
  localDataCenter: process.env.CASSANDRA_DATA_CENTER ?? 'datacenter1',
});
await client.execute(`CREATE KEYSPACE IF NOT EXISTS example
  WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`);
await client.execute('CREATE TABLE IF NOT EXISTS example.rooms (id int PRIMARY KEY, price int)');
const insert = 'INSERT INTO example.rooms (id, price) VALUES (?, ?)';
for (const [id, price] of Object.entries({ 7: 120, 8: 95, 9: 180 })) {
  await client.execute(insert, [Number(id), price], { prepare: true });
}
const select = 'SELECT price FROM example.rooms WHERE id = ?';
const { rows } = await client.execute(select, [7], { prepare: true });
console.log(`room 7: ${rows[0].price}`);
try {
  await client.execute('SELECT id FROM example.bookings'); // The table doesn't exist.
} catch ({ message }) {
  console.log(`failed: ${message}`);
}
await client.execute('DROP KEYSPACE example');
await client.shutdown();
