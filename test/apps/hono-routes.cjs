/**
 * Returns a Hono app whose requests reach their handlers in different ways.
 *
 * @param {object} library exports of `hono` and its submodules
 */
function createHonoApp({ Hono, HTTPException, cors, serveStatic, streamSSE, folder }) {
  const app = new Hono();
  app.use('*', cors());
  app.use('/static/*', serveStatic({ root: folder }));
  app.use('/private/*', async (c, next) => {
    if (c.req.header('authorization') === undefined) return c.text('no', 401);
    await next();
  });
  app.get('/private/rooms/:id', (c) => c.text('room'));
  app.get('/', (c) => c.text('home'));
  app.get('/rooms/:id', (c) => c.json({ id: c.req.param('id') }));
  app.get('/rooms/:id/:day{[0-9]+}', (c) => c.text('day'));
  app.all('/any/:id', (c) => c.text('any'));
  app.on(['PUT', 'DELETE'], ['/on/:id', '/or/:id'], (c) => c.text('on'));

  // A handler that passes the request on.
  app.get('/pages/:id', (c, next) => (c.req.param('id') === 'new' ? next() : c.text('page')));
  app.get('/pages/new', (c) => c.text('new'));
  app.get('/passed/:id', (_c, next) => next());
  app.get(
    '/checked/:id',
    async (_c, next) => next(),
    (c) => c.text('checked'),
  );
  app.get('/missing/:id', (c) => c.json({ error: 'unknown id' }, 404));
  app.get('/not-found/:id', (c) => c.notFound());

  // Nested apps.
  const sub = new Hono();
  sub.get('/', (c) => c.text('sub'));
  sub.get('/items/:item', (c) => c.text('item'));
  sub.get('/broken/:item', () => {
    throw new Error('broken item');
  });
  app.route('/base/:org', sub);
  const versioned = new Hono().basePath('/v1');
  versioned.get('/users/:user', (c) => c.text('user'));
  app.route('/api', versioned);
  const mounted = new Hono();
  mounted.get('/deep/:id', (c) => c.text('deep'));
  mounted.get('/', (c) => c.text('mounted'));
  app.mount('/mounted', mounted.fetch);
  app.get('/batch', async (c) => {
    const inner = await app.fetch(new Request('http://localhost/rooms/5'), c.env);
    return c.text(await inner.text());
  });
  const handled = new Hono();
  handled.onError((error, c) => c.text(error.message, 500));
  handled.get('/fails/:id', async () => {
    throw new Error('handled by the sub-app');
  });
  app.route('/handled', handled);

  // Errors.
  app.get('/throws/:id', () => {
    throw new Error('thrown at once');
  });
  app.get('/rejects/:id', async () => {
    await null;
    throw new Error('rejected later');
  });
  app.get('/http-error/:id', () => {
    throw new HTTPException(503, { message: 'overloaded' });
  });
  app.get('/forbidden/:id', () => {
    throw new HTTPException(403, { message: 'forbidden' });
  });
  app.use('/guarded/*', async (_c, _next) => {
    throw new Error('failed in middleware');
  });
  app.get('/guarded/:id', (c) => c.text('guarded'));
  app.get('/events/:id', (c) =>
    streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: 'one' });
      await stream.writeSSE({ data: 'two' });
    }),
  );
  const single = new Hono();
  single.get('/single/throws/:id', () => {
    throw new Error('thrown without middleware');
  });
  single.get('/single/rejects/:id', async () => {
    throw new Error('rejected without middleware');
  });
  single.get('/single/ok/:id', (c) => c.text('ok'));
  single.get('/single/passed/:id', (_c, next) => next());
  single.onError((error, c) => c.text(error.message, 500));
  return { app, single };
}

/** Method, path, expected route, expected status, and message of the stored error. */
const HONO_REQUESTS = [
  ['GET', '/', '/', 200],
  ['GET', '/rooms/5', '/rooms/:id', 200],
  ['GET', '/rooms/6?x=1', '/rooms/:id', 200],
  ['HEAD', '/rooms/7', '/rooms/:id', 200],
  ['GET', '/rooms/5/12', '/rooms/:id/:day{[0-9]+}', 200],
  ['POST', '/any/5', '/any/:id', 200],
  ['DELETE', '/or/5', '/or/:id', 200],
  ['OPTIONS', '/rooms/5', '(options)', 204],
  ['GET', '/private/rooms/5', '/private/rooms/:id', 401],
  ['GET', '/static/page.txt', '/static/*', 200],
  ['GET', '/static/none.txt', '(not found)', 404],
  ['GET', '/pages/5', '/pages/:id', 200],
  ['GET', '/pages/new', '/pages/new', 200],
  ['GET', '/passed/5', '(not found)', 404],
  ['GET', '/checked/5', '/checked/:id', 200],
  ['GET', '/missing/5', '/missing/:id', 404],
  ['GET', '/not-found/5', '/not-found/:id', 404],
  ['GET', '/unknown/5', '(not found)', 404],
  ['GET', '/base/grand', '/base/:org', 200],
  ['GET', '/base/grand/items/5', '/base/:org/items/:item', 200],
  ['GET', '/base/grand/broken/5', '/base/:org/broken/:item', 500, 'broken item'],
  ['GET', '/api/v1/users/5', '/api/v1/users/:user', 200],
  ['GET', '/mounted/deep/5', '/mounted/deep/:id', 200],
  ['GET', '/mounted', '/mounted', 200],
  ['GET', '/mounted/none', '(not found)', 404],
  ['GET', '/batch', '/batch', 200],
  ['GET', '/handled/fails/5', '/handled/fails/:id', 500, 'handled by the sub-app'],
  ['GET', '/throws/5', '/throws/:id', 500, 'thrown at once'],
  ['GET', '/rejects/5', '/rejects/:id', 500, 'rejected later'],
  ['GET', '/http-error/5', '/http-error/:id', 503, 'overloaded'],
  ['GET', '/forbidden/5', '/forbidden/:id', 403],
  ['GET', '/guarded/5', '/guarded/:id', 500, 'failed in middleware'],
  ['GET', '/events/5', '/events/:id', 200],
  ['GET', '/single/throws/5', '/single/throws/:id', 500, 'thrown without middleware'],
  ['GET', '/single/rejects/5', '/single/rejects/:id', 500, 'rejected without middleware'],
  ['GET', '/single/ok/5', '/single/ok/:id', 200],
  ['GET', '/single/passed/5', '(not found)', 404],
];

module.exports = { createHonoApp, HONO_REQUESTS };
