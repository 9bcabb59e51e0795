// An app for each supported version of Fastify. It sends its own requests, prints what the application can see, and
// exits.
const { mkdtempSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { Readable } = require('node:stream');
const { sendOwnRequests } = require('./send-own-requests.cjs');

const PREFLIGHT = { origin: 'http://example.com', 'access-control-request-method': 'PUT' };
const SLOW_MS = 40;

/**
 * @param {(options?: object) => any} fastify
 * @param {{ staticPlugin?: unknown }} [plugins]
 */
async function run(fastify, { staticPlugin } = {}) {
  const isHttp2 = process.argv.includes('http2');
  const app = fastify({ http2: isHttp2 });
  app.decorateRequest('user', null);
  app.decorateRequest('greet', function greet() {
    return `${this.user} ${this.ip}`;
  });
  app.addHook('onRequest', async (request) => {
    request.user = 'eve';
  });
  app.get('/', () => ({ ok: true }));
  app.get('/rooms/:id', async (request, reply) =>
    request.params.id === 'none' ? reply.callNotFound() : request.greet(),
  );
  app.get('/files/*', (_request, reply) => reply.send('file'));
  app.get('/slow', (_request, reply) => void setTimeout(() => reply.send('slow'), SLOW_MS));
  app.get('/hijacked', (_request, reply) => {
    reply.hijack();
    reply.raw.end('raw');
  });
  const querystring = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] };
  app.post('/validated', { schema: { querystring } }, () => 'valid');
  app.options('*', (_request, reply) => reply.code(204).send());
  app.get('/throws', () => {
    throw new Error('thrown in a handler');
  });
  app.get('/rejects', async () => {
    throw new TypeError('rejected in a handler');
  });
  app.get('/sends', (_request, reply) => reply.send(new RangeError('sent by a handler')));
  app.get('/client-error', async () => {
    throw Object.assign(new Error('not stored'), { statusCode: 409 });
  });
  const failHook = async () => {
    throw new Error('thrown in a hook');
  };
  app.get('/hook/:id', { preHandler: failHook }, () => 'never');
  app.get('/cut', (_request, reply) =>
    reply.send(
      Readable.from(
        (function* () {
          yield 'first part';
          throw new Error('failed after the headers');
        })(),
      ),
    ),
  );
  await app.register(addPlugin, { prefix: '/api' });
  if (staticPlugin) {
    const root = mkdtempSync(join(tmpdir(), 'perfscope-static-'));
    writeFileSync(join(root, 'page.txt'), 'a file');
    await app.register(staticPlugin, { root, prefix: '/' });
  }

  const base = await app.listen({ port: 0, host: '127.0.0.1' });
  console.log(app.printRoutes({ includeHooks: true, includeMeta: true, commonPrefix: false }));
  console.log(app.hasPlugin('some-plugin'), app.hasRequestDecorator('user'));
  console.log((await app.inject('/rooms/0')).body);
  const unknown = [
    ['GET', '/unknown/1'],
    ['PUT', '/rooms/1'],
    ['GET', '/api/unknown/1'],
    ['GET', '/unknown/2?secret=1'],
  ];
  await sendOwnRequests(isHttp2 ? base.replace('http:', 'h2c:') : base, [
    ['GET', '/'],
    ['GET', '/rooms/1'],
    ['GET', '/rooms/2?page=1'],
    ['HEAD', '/rooms/1'],
    ['GET', '/rooms/none'],
    ['GET', '/files/a/b'],
    ['GET', '/slow'],
    ['GET', '/hijacked'],
    ['POST', '/validated'],
    ['OPTIONS', '/rooms/1', PREFLIGHT],
    ['OPTIONS', '/rooms/1'],
    ['GET', '/throws'],
    ['GET', '/rejects'],
    ['GET', '/sends'],
    ['GET', '/client-error'],
    ['GET', '/hook/1'],
    ['GET', '/cut'],
    ['GET', '/api/v1/closed/1'],
    ['GET', '/api/v1/rooms/1'],
    ['GET', '/api/v1/hidden/1'],
    ['GET', '/api/v1/mapped/1'],
    ...unknown,
    ...(staticPlugin ? [['GET', '/page.txt']] : []),
  ]);
  await app.close();

  // Fastify uses other classes for requests if nothing is decorated.
  const undecorated = fastify({ http2: isHttp2 });
  undecorated.get('/undecorated/:id', async (request) => request.params.id);
  const url = await undecorated.listen({ port: 0, host: '127.0.0.1' });
  await sendOwnRequests(isHttp2 ? url.replace('http:', 'h2c:') : url, [['GET', '/undecorated/1']]);
  await undecorated.close();
}

/** A plugin with its own hooks, error handler, and handler of unknown paths. */
async function addPlugin(api) {
  api.setNotFoundHandler((_request, reply) => reply.code(404).send('nothing here'));
  await api.register(
    async (v1) => {
      v1.decorateRequest('session', null);
      v1.addHook('onRequest', (request, reply, done) => {
        if (request.url.includes('closed')) reply.code(401).send('closed');
        else done();
      });
      v1.setErrorHandler((error, _request, reply) =>
        reply.code(error.message === 'mapped' ? 404 : 500).send('hidden'),
      );
      v1.get('/closed/:id', () => 'never');
      v1.get('/rooms/:id', async (request) => `${request.session} ${request.user}`);
      v1.get('/hidden/:id', async function findHidden() {
        throw new Error('hidden by an error handler');
      });
      v1.get('/mapped/:id', async () => {
        throw new Error('mapped');
      });
    },
    { prefix: '/v1' },
  );
}

module.exports = { run };
