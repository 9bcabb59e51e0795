// Fails in every way that an Express handler can fail, and prints the responses.
const { once } = require('node:events');
const { get } = require('node:http');
const express = require('express');

const app = express();
app.set('env', 'production');
const rooms = express.Router();
const guest = 'ann@hotel.example';

app.get('/throws', function takeRoom() {
  throw new TypeError(`no room for ${guest}`);
});
app.get('/rejects', async function askForRoom() {
  await null;
  throw new RangeError('no bed');
});
app.get('/next', (_request, _response, next) => next(new Error('passed to next')));
app.get('/text', (_request, _response, next) => next('a plain string'));
app.get('/again', (_request, _response, next) => next(new Error('first error')));
app.use('/again', (_error, _request, _response, next) => next(new Error('second error')));
app.use('/rooms', rooms);
rooms.get('/:id', () => {
  throw new Error('in a router');
});
app.get('/own', (_request, response) => response.status(503).json({}));
app.get('/handled', (_request, _response, next) => next(new Error('already handled')));
app.use('/handled', (_error, _request, response, _next) => response.json({}));
app.get('/missing', (_request, _response, next) =>
  next(Object.assign(new Error('not found'), { status: 404 })),
);
app.get('/skips', (_request, _response, next) => next('route'));
app.get('/skips', (_request, response) => response.json({}));
app.use('/seen', () => {
  throw new Error('passed to an error handler');
});
app.use('/seen', (error, request, response, _next) => {
  const keys = [...Object.getOwnPropertyNames(error), ...Object.getOwnPropertySymbols(error)];
  response.status(500).json({ message: error.message, keys, base: request.baseUrl });
});

const PATHS = ['throws', 'rejects', 'next', 'text', 'again', 'rooms/7', 'own', 'handled'];

async function main() {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  for (const path of [...PATHS, 'missing', 'skips', 'seen']) {
    const [response] = await once(
      get({ port, path: `/${path}`, host: '127.0.0.1', agent: false }),
      'response',
    );
    let body = '';
    for await (const chunk of response) body += chunk;
    console.log(path, response.statusCode, body.replaceAll(/<[^>]+>|\s+/g, ' '));
  }
  server.close();
}

main();
