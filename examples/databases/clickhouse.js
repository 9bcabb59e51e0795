// Stores the prices of rooms in ClickHouse.
import { createClient } from '@clickhouse/client';

const url = process.env.CLICKHOUSE_URL ?? 'http://127.0.0.1:8123';
const client = createClient({ url });
const table = 'example_rooms';
await client.command({
  query: `CREATE TABLE IF NOT EXISTS ${table} (id UInt32, price UInt32) ENGINE = Memory`,
});
const values = Object.entries({ 7: 120, 8: 95, 9: 180 }).map(([id, price]) => ({ id, price }));
await client.insert({ table, values, format: 'JSONEachRow' });
const result = await client.query({
  query: `SELECT id, price FROM ${table} WHERE price < 150 ORDER BY id`,
  format: 'JSONEachRow',
});
for (const { id, price } of await result.json()) console.log(`room ${id}: ${price}`);
try {
  await client.query({ query: 'SELECT id FROM example_bookings' }); // The table doesn't exist.
} catch ({ message }) {
  console.log(`failed: ${message.trim()}`);
}
await client.command({ query: `DROP TABLE ${table}` });
await client.close();
