import pg from 'pg';
import { HOTELS } from './hotels.ts';

/** Creates the hotels' tables with several thousand bookings. Does nothing if they already exist. */
export async function seedDatabase(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(`CREATE TABLE IF NOT EXISTS rooms (
      id serial PRIMARY KEY, property text NOT NULL, number int NOT NULL, price numeric NOT NULL)`);
    await client.query(`CREATE TABLE IF NOT EXISTS bookings (
      id bigserial PRIMARY KEY, property text NOT NULL, room int NOT NULL, guest text NOT NULL,
      arrival date NOT NULL, nights int NOT NULL, status text NOT NULL DEFAULT 'confirmed')`);
    const { rows } = await client.query('SELECT count(*)::int AS rooms FROM rooms');
    if (rows[0].rooms > 0) return;
    for (const { property, rooms } of HOTELS) {
      await client.query(
        `INSERT INTO rooms (property, number, price)
         SELECT $1, n, 80 + n % 7 * 15 FROM generate_series(1, $2::int) n`,
        [property, rooms],
      );
      await client.query(
        `INSERT INTO bookings (property, room, guest, arrival, nights)
         SELECT $1, n % $2::int + 1, 'Guest ' || n, current_date - 30 + n % 60, 1 + n % 5
         FROM generate_series(1, 5000) n`,
        [property, rooms],
      );
    }
    await client.query('CREATE INDEX ON rooms (property, number)');
    await client.query('CREATE INDEX ON bookings (property, arrival)');
    await client.query('CREATE INDEX ON bookings (arrival)');
  } finally {
    await client.end();
  }
}
