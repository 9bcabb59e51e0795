// A small booking service.
const express = require('express');

const app = express();

app.get('/healthz', (_request, response) => {
  response.json({ status: 'ok' });
});

app.get('/rooms/:id', (request, response) => {
  response.json({ id: request.params.id, price: 80 });
});

app.post('/rooms/:id/bookings', async (request, response) => {
  if (request.params.id === '13') throw new Error('Room 13 does not exist.');
  response.status(201).json({ id: request.params.id });
});

app.use((error, _request, response, _next) => {
  response.status(500).json({ error: error.message });
});

const host = process.env.HOST ?? '127.0.0.1';
const server = app.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on http://${host}:${server.address().port}`);
});

// The first process of a container ignores signals without a listener. After the last request has ended, the process
// ends by itself, and the agent sends the last rows.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close());
