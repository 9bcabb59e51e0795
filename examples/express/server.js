// A small booking service.
const express = require('express');

const app = express();

app.get('/rooms/:id', (request, response) => {
  response.json({ id: request.params.id, price: 80 });
});

const api = express.Router();
api.post('/rooms/:id/bookings', async (request, response) => {
  if (request.params.id === '13') throw new Error('Room 13 does not exist.');
  response.status(201).json({ id: request.params.id });
});
app.use('/api', api);

app.use((error, _request, response, _next) => {
  response.status(500).json({ error: error.message });
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
