// A small booking service.
import Hapi from '@hapi/hapi';

const server = Hapi.server({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' });

server.ext('onPreResponse', ({ response }, h) =>
  response.isServer ? h.response({ error: 'Try again later.' }).code(500) : h.continue,
);

server.route({
  method: 'GET',
  path: '/rooms/{id}',
  handler: ({ params }) => ({ id: params.id, price: 80 }),
});

const bookings = {
  name: 'bookings',
  register(plugin) {
    plugin.route({
      method: 'POST',
      path: '/rooms/{id}/bookings',
      handler({ params }, h) {
        if (params.id === '13') throw new Error('Room 13 does not exist.');
        return h.response({ id: params.id }).code(201);
      },
    });
  },
};
await server.register(bookings, { routes: { prefix: '/api' } });

await server.start();
console.log(`listening on ${server.info.uri}`);
