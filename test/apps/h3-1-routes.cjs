const { createServer } = require('node:http');
const { setTimeout: delay } = require('node:timers/promises');

/** Starts an h3 1 server whose requests reach their handlers in different ways. */
function startH3Version1(h3) {
  const { createApp, createRouter, createError, eventHandler, lazyEventHandler, useBase } = h3;
  const handle = (callback) => eventHandler(callback);
  const fail = (create) => handle(() => Promise.reject(create()));
  const app = createApp({
    // Replaces the log, which would contain the errors.
    onError: (_error, event) => {
      if (event.path.startsWith('/hidden')) {
        event.node.res.statusCode = 500;
        event.node.res.end('sorry');
      }
    },
  });
  app.use(handle((event) => void event.node.res.setHeader('x-test', '1')));
  app.use(
    '/hello',
    handle(() => 'hello'),
  );
  app.use(
    '/passed',
    handle(() => undefined),
  );
  app.use(
    '/guarded',
    fail(() => new Error('failed in middleware')),
  );
  app.use(
    '/late',
    handle((event) => void setImmediate(() => event.node.res.end('late'))),
    {
      match: () => false,
    },
  );

  const router = createRouter();
  router.get(
    '/',
    handle(() => 'home'),
  );
  router.get(
    '/rooms/:id',
    handle(() => ({ id: 1 })),
  );
  router.post(
    '/rooms/:id',
    handle(() => null),
  );
  router.get(
    '/static-route',
    handle(() => 'static'),
  );
  router.get(
    '/lazy/:id',
    lazyEventHandler(async () => handle(() => 'lazy')),
  );
  router.get(
    '/slow',
    handle(() => delay(40, 'slow')),
  );
  router.get(
    '/files/**:path',
    handle(() => 'file'),
  );
  router.get(
    '/missing/:id',
    fail(() => createError({ statusCode: 404 })),
  );
  router.get(
    '/forbidden/:id',
    fail(() => createError({ statusCode: 403 })),
  );
  router.get(
    '/unavailable/:id',
    fail(() => createError({ statusCode: 503, message: 'overloaded' })),
  );
  router.get(
    '/rejects/:id',
    fail(() => new TypeError('rejected by a handler')),
  );
  router.get(
    '/hidden/:id',
    fail(() => new Error('hidden by a hook')),
  );
  router.get(
    '/throws/:id',
    handle(() => {
      throw new Error('thrown by a handler');
    }),
  );
  router.get(
    '/returns/:id',
    handle(() => new Error('returned by a handler')),
  );

  const inner = createRouter();
  inner.get(
    '/items/:item',
    handle(() => 'item'),
  );
  const deep = createRouter();
  deep.get(
    '/leaf/:id',
    handle(() => 'leaf'),
  );
  inner.use('/deep/**', useBase('/deep', deep.handler));
  router.use('/base/**', useBase('/base', inner.handler));
  app.use(router);

  const mounted = createApp();
  const mountedRouter = createRouter();
  mountedRouter.get(
    '/users/:id',
    handle(() => 'user'),
  );
  mountedRouter.get(
    '/broken/:id',
    fail(() => new Error('failed in a mounted app')),
  );
  mounted.use('/v1', mountedRouter.handler);
  app.use('/api', mounted.handler);
  app.use(useBase('/other', mountedRouter.handler));

  const server = createServer(h3.toNodeListener(app));
  server.listen(0, '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}\n`);
  });
  process.on('SIGTERM', () => {
    server.closeAllConnections();
    server.close();
  });
}

/** Method, path, expected route, expected status, and message of the stored error. */
const H3_1_REQUESTS = [
  ['GET', '/', '/', 200],
  ['GET', '/hello', '/hello', 200],
  ['GET', '/rooms/5', '/rooms/:id', 200],
  ['HEAD', '/rooms/6?x=1', '(not found)', 404],
  ['POST', '/rooms/7', '/rooms/:id', 204],
  ['GET', '/static-route', '/static-route', 200],
  ['GET', '/static-route', '/static-route', 200],
  ['GET', '/lazy/5', '/lazy/:id', 200],
  ['GET', '/slow', '/slow', 200],
  ['GET', '/files/a/b', '/files/**:path', 200],
  ['GET', '/passed/5', '(not found)', 404],
  ['GET', '/late', '(not found)', 404],
  ['GET', '/missing/5', '/missing/:id', 404],
  ['GET', '/unknown/5', '(not found)', 404],
  ['GET', '/forbidden/5', '/forbidden/:id', 403],
  ['GET', '/unavailable/5', '/unavailable/:id', 503, 'overloaded'],
  ['GET', '/rejects/5', '/rejects/:id', 500, 'rejected by a handler'],
  ['GET', '/hidden/5', '/hidden/:id', 500, 'hidden by a hook'],
  ['GET', '/throws/5', '/throws/:id', 500, 'thrown by a handler'],
  ['GET', '/returns/5', '/returns/:id', 500, 'returned by a handler'],
  ['GET', '/guarded/5', '/guarded', 500, 'failed in middleware'],
  ['GET', '/base/items/5', '/base/items/:item', 200],
  ['GET', '/base/deep/leaf/5', '/base/deep/leaf/:id', 200],
  ['GET', '/api/v1/users/5', '/api/v1/users/:id', 200],
  ['GET', '/api/v1/broken/5', '/api/v1/broken/:id', 500, 'failed in a mounted app'],
  ['GET', '/other/users/5', '/other/users/:id', 200],
  ['GET', '/api/v2/users/5', '(not found)', 404],
];

module.exports = { startH3Version1, H3_1_REQUESTS };
