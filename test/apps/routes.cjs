/**
 * Returns an Express app whose requests take unusual ways to their handlers, and the expected route of
 * each request. Works with Express 4 and 5.
 *
 * @param {import('express')} express
 */
function createRoutesApp(express) {
  const app = express();
  const respond = (_request, response) => response.send('ok');

  // Arrays of paths.
  app.get(['/a', '/b/:id', /^\/regex\d+$/], respond);
  app.get([['/nested'], [['/deep/:id']]], respond);
  const panels = express.Router();
  panels.get(['/', '/list'], respond);
  panels.get('/:panel', respond);
  app.use(['/ui/', '/metrics-history', '/m/:tenant'], panels);
  app.use(['/plain', '/other'], (request, response, next) =>
    request.path === '/next' ? next() : response.send('ok'),
  );
  app.get('/other/next', respond);

  // Rewritten and dispatched again.
  app.get('/old/:id', (request, _response, next) => {
    request.url = `/new/${request.params.id}`;
    next('route');
  });
  app.get('/again/:id', (request, response) => {
    request.url = `/new/${request.params.id}`;
    app.handle(request, response);
  });
  app.use('/legacy', (request, response, next) => {
    request.url = `/new/${request.path.slice(1)}`;
    app.handle(request, response, next);
  });
  const inner = express.Router();
  inner.get('/rooms/:id', respond);
  inner.get('/suites/:id', (request, response, next) => {
    request.url = `/rooms/${request.params.id}`;
    inner.handle(request, response, next);
  });
  inner.get('/home', (request, response) => {
    request.url = '/new/1';
    app.handle(request, response);
  });
  app.use('/api/:org', inner);
  app.use('/wrapped', (request, response, next) => inner.handle(request, response, next));
  app.get('/rooms/:id', inner);

  app.get('/new/:id', respond);
  return app;
}

const EXPECTED_ROUTES = {
  '/a?x=/b/1': '/a',
  '/b/1': '/b/:id',
  '/regex7': '/^\\/regex\\d+$/',
  '/nested': '/nested',
  '/deep/1': '/deep/:id',
  '/ui': '/ui',
  '/ui/': '/ui',
  '/ui/list': '/ui/list',
  '/ui/cpu': '/ui/:panel',
  '/metrics-history/list': '/metrics-history/list',
  '/metrics-history/cpu?a': '/metrics-history/:panel',
  '/m/acme/cpu': '/m/:tenant/:panel',
  '/plain/x': '/plain',
  '/other': '/other',
  '/other/next': '/other/next',
  '/old/1': '/new/:id',
  '/again/1': '/new/:id',
  '/legacy/1': '/new/:id',
  '/api/acme/rooms/1': '/api/:org/rooms/:id',
  '/api/acme/suites/1': '/api/:org/rooms/:id',
  '/api/acme/home': '/new/:id',
  '/wrapped/rooms/1': '/wrapped/rooms/:id',
  '/wrapped/suites/1': '/wrapped/rooms/:id',
  '/rooms/1': '/rooms/:id',
  '/unknown': '(not found)',
};

module.exports = { createRoutesApp, EXPECTED_ROUTES };
