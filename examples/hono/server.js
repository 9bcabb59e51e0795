// A small booking service.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const rooms = new Hono();
rooms.post('/:id/bookings', async (c) => {
  const id = c.req.param('id');
  if (id === '13') throw new Error('Room 13 does not exist.');
  return c.json({ id }, 201);
});

const app = new Hono();
app.onError((_error, c) => c.json({ error: 'Try again later.' }, 500));
app.get('/rooms/:id', (c) => c.json({ id: c.req.param('id'), price: 80 }));
app.route('/api/rooms', rooms);

const port = Number(process.env.PORT ?? 3000);
serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) => {
  console.log(`listening on http://127.0.0.1:${address.port}`);
});
