// An app for each supported version of Koa and @koa/router. It sends its own requests, prints what the application can
// see, and exits.
const { once } = require('node:events');
const { mkdtempSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:http');
const http2 = require('node:http2');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { sendOwnRequests } = require('./send-own-requests.cjs');

const PREFLIGHT = { origin: 'http://example.com', 'access-control-request-method': 'PUT' };
const SLOW_MS = 40;

/** @param {Record<string, any>} libraries */
async function run({ Koa, Router, mount, serve }) {
  const app = new Koa();
  app.silent = true;
  const catchErrors = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (!ctx.path.startsWith('/api/caught')) throw error;
      ctx.status = 500;
      ctx.body = `caught ${error.name}`;
    }
  };
  const root = mkdtempSync(join(tmpdir(), 'perfscope-static-'));
  writeFileSync(join(root, 'page.txt'), 'a file');
  app.use(catchErrors);
  app.use(async (ctx, next) => {
    if (ctx.method === 'OPTIONS' && ctx.get('access-control-request-method')) ctx.status = 204;
    else await next();
  });
  app.use(async (ctx, next) => {
    if (ctx.path === '/early') throw new Error('thrown in a middleware');
    await next();
  });
  app.use(serve(root));

  const router = new Router();
  router.get('/', (ctx) => (ctx.body = 'home'));
  router.get('/rooms/:id', (ctx) => (ctx.body = ctx.params.id));
  router.get('/slow', async (ctx) => {
    await new Promise((done) => setTimeout(done, SLOW_MS));
    ctx.body = 'slow';
  });
  router.get('/gone/:id', (ctx) => ctx.throw(410));
  router.get('/nothing/:id', () => {});
  router.get('/throws', () => {
    throw new RangeError('thrown in a route');
  });
  const bookings = new Router();
  bookings.use((ctx, next) => {
    if (ctx.path.endsWith('/closed')) ctx.status = 401;
    else return next();
  });
  bookings.get('/:id', (ctx) => (ctx.body = ctx.params));
  const api = new Router({ prefix: '/api' });
  api.use('/rooms/:room/bookings', bookings.routes(), bookings.allowedMethods());
  api.get('/caught/:id', async function findCaught() {
    throw new TypeError('caught by a middleware');
  });
  app.use(router.routes()).use(api.routes()).use(router.allowedMethods());

  const mounted = new Koa();
  const mountedRouter = new Router();
  mountedRouter.get('/users/:id', (ctx) => (ctx.body = ctx.params.id));
  mounted.use(mountedRouter.routes());
  app.use(mount('/admin', mounted));
  // Handles what the mounted app passes on.
  const last = new Router();
  last.get('/admin/:page', (ctx) => (ctx.body = ctx.params.page));
  app.use(last.routes());

  const isHttp2 = process.argv.includes('http2');
  const server = (isHttp2 ? http2 : { createServer }).createServer(app.callback());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  console.log(app.middleware.map(({ name }) => name).join());
  console.log(Object.keys(router.routes()).join(), router.routes().router === router);
  console.log(Object.getOwnPropertyNames(Koa.prototype).join());
  const base = `${isHttp2 ? 'h2c' : 'http'}://127.0.0.1:${server.address().port}`;
  await sendOwnRequests(base, [
    ['GET', '/'],
    ['GET', '/rooms/1'],
    ['GET', '/rooms/2?page=1'],
    // Without the agent too, Koa 2 never ends a response to HEAD over HTTP/2.
    ...(isHttp2 ? [] : [['HEAD', '/rooms/1']]),
    ['GET', '/slow'],
    ['GET', '/gone/1'],
    ['GET', '/nothing/1'],
    ['GET', '/throws'],
    ['GET', '/early'],
    ['GET', '/api/rooms/1/bookings/2'],
    ['GET', '/api/rooms/1/bookings/closed'],
    ['GET', '/api/caught/1'],
    ['GET', '/admin/users/1'],
    ['GET', '/admin/settings'],
    ['GET', '/page.txt'],
    ['GET', '/unknown/1'],
    ['GET', '/admin/unknown/2'],
    ['OPTIONS', '/rooms/1', PREFLIGHT],
    ['OPTIONS', '/rooms/1'],
    ['DELETE', '/rooms/1'],
  ]);
  server.close();
}

module.exports = { run };
