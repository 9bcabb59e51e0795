const { setTimeout: delay } = require('node:timers/promises');

/** Starts an h3 2 server whose requests reach their handlers in different ways. */
function startH3Version2({ H3, HTTPError, serve, withBase }) {
  const fail = (create) => () => Promise.reject(create());
  const app = new H3({ silent: true });
  app.use((event, next) => {
    event.res.headers.set('x-test', '1');
    return next();
  });
  app.use('/guarded/**', async () => {
    throw new Error('failed in middleware');
  });
  app.get('/', () => 'home');
  app.get('/rooms/:id', () => ({ id: 1 }));
  app.post('/rooms/:id', () => null);
  app.get('/static-route', () => 'static');
  app.get('/slow', () => delay(40, 'slow'));
  app.get('/files/**', () => 'file');
  app.get('/guarded/:id', () => 'guarded');
  app.get(
    '/missing/:id',
    fail(() => new HTTPError({ status: 404 })),
  );
  app.get(
    '/forbidden/:id',
    fail(() => new HTTPError({ status: 403 })),
  );
  app.get(
    '/unavailable/:id',
    fail(() => new HTTPError({ status: 503, message: 'overloaded' })),
  );
  app.get(
    '/rejects/:id',
    fail(() => new TypeError('rejected by a handler')),
  );
  app.get('/throws/:id', () => {
    throw new Error('thrown by a handler');
  });

  const deep = new H3();
  deep.get('/leaf/:id', () => 'leaf');
  const inner = new H3();
  inner.get('/', () => 'inner');
  inner.get('/items/:item', () => 'item');
  inner.get(
    '/broken/:item',
    fail(() => new Error('failed in a mounted app')),
  );
  inner.mount('/deep', deep);
  app.mount('/api', inner);
  app.all('/base/**', withBase('/base', inner));
  app.mount('/fetched', { fetch: (request) => inner.fetch(request) });

  const server = serve(app, {
    port: 0,
    hostname: '127.0.0.1',
    silent: true,
    gracefulShutdown: false,
  });
  server.ready().then(() => console.log(`listening on ${server.url.replace(/\/$/, '')}\n`));
  process.on('SIGTERM', () => void server.close(true));
}

/** Method, path, expected route, expected status, and message of the stored error. */
const H3_2_REQUESTS = [
  ['GET', '/', '/', 200],
  ['GET', '/rooms/5', '/rooms/:id', 200],
  ['HEAD', '/rooms/6?x=1', '/rooms/:id', 200],
  ['POST', '/rooms/7', '/rooms/:id', 200],
  ['GET', '/static-route', '/static-route', 200],
  ['GET', '/slow', '/slow', 200],
  ['GET', '/files/a/b', '/files/**', 200],
  ['GET', '/missing/5', '/missing/:id', 404],
  ['GET', '/unknown/5', '(not found)', 404],
  ['GET', '/forbidden/5', '/forbidden/:id', 403],
  ['GET', '/unavailable/5', '/unavailable/:id', 503, 'overloaded'],
  ['GET', '/rejects/5', '/rejects/:id', 500, 'rejected by a handler'],
  ['GET', '/throws/5', '/throws/:id', 500, 'thrown by a handler'],
  ['GET', '/guarded/5', '/guarded/:id', 500, 'failed in middleware'],
  ['GET', '/api', '/api/', 200],
  ['GET', '/api/items/5', '/api/items/:item', 200],
  ['GET', '/api/broken/5', '/api/broken/:item', 500, 'failed in a mounted app'],
  ['GET', '/api/deep/leaf/5', '/api/deep/leaf/:id', 200],
  ['GET', '/base/items/5', '/base/items/:item', 200],
  ['GET', '/base/broken/5', '/base/broken/:item', 500, 'failed in a mounted app'],
  ['GET', '/fetched/items/5', '/fetched/items/:item', 200],
  ['GET', '/api/none/5', '(not found)', 404],
];

module.exports = { startH3Version2, H3_2_REQUESTS };
