const { startNestApp } = require('./nest-routes.cjs');

/** Serves the application of `nest-routes.cjs` with the adapter that the first argument selects. */
async function serveNest({ ExpressAdapter, FastifyAdapter, ...library }) {
  const Adapter = process.argv[2] === 'fastify' ? FastifyAdapter : ExpressAdapter;
  const app = await startNestApp(library, new Adapter());
  console.log(`listening on http://127.0.0.1:${app.getHttpServer().address().port}\n`);
  process.on('SIGTERM', () => {
    app.getHttpServer().closeAllConnections();
    app.close();
  });
}

module.exports = { serveNest };
