// Stores the prices of rooms in SQLite, in memory.
import Database from 'better-sqlite3';

const db = new Database(':memory:');
db.exec('CREATE TABLE rooms (id INTEGER PRIMARY KEY, price INTEGER)');
const insert = db.prepare('INSERT INTO rooms (id, price) VALUES (?, ?)');
for (const [id, price] of Object.entries({ 7: 120, 8: 95, 9: 180 })) insert.run(id, price);
for (const { id, price } of db.prepare('SELECT id, price FROM rooms WHERE price < ?').all(150)) {
  console.log(`room ${id}: ${price}`);
}
try {
  insert.run(7, 130); // The room already exists.
} catch ({ code }) {
  console.log(`failed: ${code}`);
}
db.close();
