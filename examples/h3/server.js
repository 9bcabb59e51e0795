// A small booking service.
import { H3, serve } from 'h3';

const app = new H3({ silent: true });

app.get('/rooms/:id', ({ context }) => ({ id: context.params.id, price: 80 }));

const api = new H3();
api.post('/rooms/:id/bookings', async ({ context, res }) => {
  if (context.params.id === '13') throw new Error('Room 13 does not exist.');
  res.status = 201;
  return { id: context.params.id };
});
app.mount('/api', api);

const server = serve(app, {
  port: Number(process.env.PORT ?? 3000),
  hostname: '127.0.0.1',
  silent: true,
});
await server.ready();
console.log(`listening on ${server.url}`);
