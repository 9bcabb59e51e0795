const { createServer } = require('node:http2');
const { createHonoApp } = require('./hono-routes.cjs');

/** Serves the app of `hono-routes.cjs` over HTTP/1, or HTTP/2 if the first argument is `http2`. Requests to `/single` reach an app without middleware. */
function serveHono({ serve, ...library }) {
  const { app, single } = createHonoApp({ ...library, folder: '.' });
  const fetch = (request, env) =>
    new URL(request.url).pathname.startsWith('/single')
      ? // Without the bindings of the server.
        single.fetch(request)
      : app.fetch(request, env);
  const options = { fetch, port: 0, hostname: '127.0.0.1' };
  if (process.argv[2] === 'http2') options.createServer = createServer;
  const server = serve(options, ({ port }) => {
    console.log(`listening on http://127.0.0.1:${port}\n`);
  });
  process.on('SIGTERM', () => {
    server.closeAllConnections?.();
    server.close();
  });
}

module.exports = { serveHono };
