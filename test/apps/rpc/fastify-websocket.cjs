const { once } = require('node:events');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const load = createRequire(join(resolve(process.argv[4]), 'package.json'));

module.exports = async function run(library) {
  const app = load('fastify')();
  const WebSocket = createRequire(load.resolve('@fastify/websocket'))('ws');
  await app.register(library.default ?? library);
  app.register(async (scope) => {
    scope.addHook('preValidation', async (request, reply) => {
      if (request.headers['x-key'] === 'wrong') await reply.code(401).send('no');
    });
    scope.get('/rooms/:id', { websocket: true }, (socket) => {
      socket.on('message', (data) => socket.send(String(data)));
    });
    scope.get('/plain/:id', async () => ({}));
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = `ws://127.0.0.1:${app.server.address().port}`;

  const statuses = [];
  for (const [path, headers] of [
    ['/rooms/7', { 'x-key': 'wrong' }],
    ['/missing/7', {}],
  ]) {
    const client = new WebSocket(url + path, { headers });
    client.on('error', () => {});
    const [, response] = await once(client, 'unexpected-response');
    statuses.push(response.statusCode);
  }
  for (const id of [7, 8]) {
    const client = new WebSocket(`${url}/rooms/${id}`, { headers: { 'x-org': 'org-7' } });
    await once(client, 'open');
    client.send('a');
    await once(client, 'message');
    client.close(1000);
    await once(client, 'close');
  }
  await fetch(`http${url.slice(2)}/plain/7`);
  await app.close();
  return { statuses };
};
