// A small booking service.
import fastify from 'fastify';

const app = fastify();

app.setErrorHandler((_error, _request, reply) => {
  reply.code(500).send({ error: 'Try again later.' });
});

app.get('/rooms/:id', async (request) => ({ id: request.params.id, price: 80 }));

const addApi = async (api) => {
  api.post('/rooms/:id/bookings', async (request, reply) => {
    if (request.params.id === '13') throw new Error('Room 13 does not exist.');
    reply.code(201);
    return { id: request.params.id };
  });
};
app.register(addApi, { prefix: '/api' });

const port = Number(process.env.PORT ?? 3000);
console.log(`listening on ${await app.listen({ port, host: '127.0.0.1' })}`);
