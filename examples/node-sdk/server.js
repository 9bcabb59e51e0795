// A small booking service.
const { metrics } = require('@opentelemetry/api');
const express = require('express');

const bookings = metrics.getMeter('booking').createCounter('bookings', {
  description: 'Number of rooms that were booked.',
  unit: '{booking}',
});
const app = express();

app.get('/rooms/:id', (request, response) => {
  response.json({ id: request.params.id, price: 80 });
});

app.post('/rooms/:id/bookings', (request, response) => {
  if (request.params.id === '13') {
    response.status(500).json({ error: 'Room 13 does not exist.' });
    return;
  }
  bookings.add(1, { 'room.type': 'double' });
  response.status(201).json({ id: request.params.id });
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
