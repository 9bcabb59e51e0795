// An Express 5 application that sends itself requests and ends.
import express from 'express';

const app = express();
const rooms = express.Router({ mergeParams: true });
rooms.get('/rooms/:id', (_request, response) => response.json({}));
rooms.get('/fail', (_request, response) => response.status(503).end());
rooms.get('/slow', (request) => request.on('close', () => {}));
app.use('/api/:organization', rooms);
const server = app.listen(0, '127.0.0.1', async () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  const get = (path, options) => fetch(base + path, options).then((r) => r.text());
  for (let i = 0; i < 100; i++) await get(`/api/o${i}/rooms/${i}`);
  for (let i = 0; i < 10; i++) await get('/api/o/fail');
  for (let i = 0; i < 5; i++) await get(`/nothing/${i}`);
  for (let i = 0; i < 3; i++) {
    await get('/api/o/slow', { signal: AbortSignal.timeout(30) }).catch(() => {});
  }
  server.closeAllConnections();
  server.close();
});
