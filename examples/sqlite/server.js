// A small booking service with a database in memory.
import { DatabaseSync } from 'node:sqlite';
import { traceFunction } from '@perfscope/agent';
import express from 'express';

const db = new DatabaseSync(':memory:');
db.exec(`
  CREATE TABLE rooms (id INTEGER PRIMARY KEY, price REAL);
  CREATE TABLE bookings (id INTEGER PRIMARY KEY, room INTEGER NOT NULL);
`);
const addRoom = db.prepare('INSERT INTO rooms (id, price) VALUES (?, ?)');
for (let id = 1; id <= 12; id++) addRoom.run(id, 70 + id);
const findRoom = db.prepare('SELECT id, price FROM rooms WHERE id = ?');
const addBooking = db.prepare('INSERT INTO bookings (room) VALUES (?)');

// Each call is recorded, with its statements as steps inside it.
const bookRoom = traceFunction('bookRoom', (id) => {
  if (!findRoom.get(id)) throw new Error(`Room ${id} does not exist.`);
  return Number(addBooking.run(id).lastInsertRowid);
});

const app = express();

app.get('/rooms/:id', (request, response) => {
  response.json(findRoom.get(request.params.id));
});

app.post('/api/rooms/:id/bookings', (request, response) => {
  response.status(201).json({ id: bookRoom(request.params.id) });
});

app.use((_error, _request, response, _next) => {
  response.status(500).json({ error: 'Try again later.' });
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
