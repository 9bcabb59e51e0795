const { setTimeout: delay } = require('node:timers/promises');

/** Starts a Hapi server whose requests reach their handlers in different ways. */
async function startHapi(Hapi, boom) {
  const server = Hapi.server({ port: 0, host: '127.0.0.1', debug: false });
  const schemes = {
    open: () => ({ authenticated: true }),
    closed: () => {
      throw boom.unauthorized('no token');
    },
    broken: () => {
      throw new Error('failed in authentication');
    },
  };
  for (const [name, check] of Object.entries(schemes)) {
    server.auth.scheme(name, () => ({
      authenticate: (_request, h) => {
        check();
        return h.authenticated({ credentials: {} });
      },
    }));
    server.auth.strategy(name, name);
  }
  const route = (method, path, handler, options = {}) =>
    server.route({ method, path, handler, options });
  route('GET', '/', () => 'home');
  route('GET', '/rooms/{id}', (request) => ({ id: request.params.id }));
  route('GET', '/days/{id}/{day?}', () => 'day');
  route(['PUT', 'DELETE'], '/any/{id}', () => 'any');
  route('GET', '/files/{path*}', () => 'file');
  route('GET', '/slow', () => delay(40, 'slow'));
  route('GET', '/shared', () => 'shared', { cors: true });
  route('GET', '/missing/{id}', () => boom.notFound('unknown id'));
  route('GET', '/throws/{id}', () => {
    throw new Error('thrown by a handler');
  });
  route('GET', '/rejects/{id}', async () => {
    await null;
    throw new TypeError('rejected by a handler');
  });
  route('GET', '/unavailable/{id}', () => {
    throw boom.serverUnavailable('overloaded');
  });
  route('GET', '/conflict/{id}', () => {
    throw boom.conflict('double booking');
  });
  route('GET', '/nothing/{id}', () => undefined);
  route('GET', '/open/{id}', () => 'open', { auth: 'open' });
  route('GET', '/closed/{id}', () => 'closed', { auth: 'closed' });
  route('GET', '/broken/{id}', () => 'broken', { auth: 'broken' });
  route('GET', '/prepared/{id}', () => 'prepared', {
    pre: [
      () => {
        throw new Error('failed in a prerequisite');
      },
    ],
  });
  route('GET', '/extended/{id}', () => 'extended', {
    ext: {
      onPreHandler: {
        method: () => {
          throw new Error('failed in an extension');
        },
      },
    },
  });
  route('GET', '/hidden/{id}', () => {
    throw new Error('replaced by an extension');
  });
  route('GET', '/invalid/{id}', () => 'invalid', {
    validate: {
      params: () => {
        throw new Error('not a number');
      },
    },
  });
  server.ext('onPreResponse', (request, h) =>
    request.path.startsWith('/hidden') ? h.response('sorry').code(500) : h.continue,
  );
  await server.register(
    {
      name: 'admin',
      register: (plugin) => {
        plugin.route({ method: 'GET', path: '/users/{id}', handler: () => 'user' });
      },
    },
    { routes: { prefix: '/admin' } },
  );
  await server.start();
  console.log(`listening on ${server.info.uri}\n`);
  process.on('SIGTERM', () => server.stop({ timeout: 1000 }));
}

/** Method, path, expected route, expected status, and message of the stored error. */
const HAPI_REQUESTS = [
  ['GET', '/', '/', 200],
  ['GET', '/rooms/5', '/rooms/{id}', 200],
  ['HEAD', '/rooms/6?x=1', '/rooms/{id}', 200],
  ['GET', '/days/5/monday', '/days/{id}/{day?}', 200],
  ['DELETE', '/any/5', '/any/{id}', 200],
  ['GET', '/files/a/b', '/files/{path*}', 200],
  ['GET', '/slow', '/slow', 200],
  ['OPTIONS', '/shared', '(not found)', 404],
  ['GET', '/missing/5', '/missing/{id}', 404],
  ['GET', '/unknown/5', '(not found)', 404],
  ['POST', '/unknown.php', '(not found)', 404],
  ['GET', '/%E0%A4', '(not found)', 404],
  ['GET', '/throws/5', '/throws/{id}', 500, 'thrown by a handler'],
  ['GET', '/rejects/5', '/rejects/{id}', 500, 'rejected by a handler'],
  ['GET', '/unavailable/5', '/unavailable/{id}', 503, 'overloaded'],
  ['GET', '/conflict/5', '/conflict/{id}', 409],
  ['GET', '/nothing/5', '/nothing/{id}', 500],
  ['GET', '/open/5', '/open/{id}', 200],
  ['GET', '/closed/5', '/closed/{id}', 401],
  ['GET', '/broken/5', '/broken/{id}', 500, 'failed in authentication'],
  ['GET', '/prepared/5', '/prepared/{id}', 500, 'failed in a prerequisite'],
  ['GET', '/extended/5', '/extended/{id}', 500, 'failed in an extension'],
  ['GET', '/hidden/5', '/hidden/{id}', 500, 'replaced by an extension'],
  ['GET', '/invalid/5', '/invalid/{id}', 400],
  ['GET', '/admin/users/5', '/admin/users/{id}', 200],
];

module.exports = { startHapi, HAPI_REQUESTS };
