// Uses both copies of the library and of the client: one from `import`, the other from `require`.
const { once } = require('node:events');

module.exports = async function serve({ express, imported, required, clients }) {
  printSharedState(imported, required);
  for (const { PerfscopeClient } of clients) {
    const client = new PerfscopeClient({ url: process.env.SERVER_URL });
    console.log((await client.get('openapi')).info.title);
  }
  const app = express();
  const hotel = express.Router();
  app.use('/hotel', hotel);
  hotel.get('/rooms/:id', (_request, response) => {
    imported.withTenant({ organizationId: 'from import' }, () => record(required, 'require'));
    required.withTenant({ organizationId: 'from require' }, () => record(imported, 'import'));
    response.json({});
  });
  const stopped = new Promise((done) => {
    app.get('/stop', (_request, response) => response.send('').on('close', done));
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
  await stopped;
  server.close();
  server.closeAllConnections();
  console.log('stopped');
  process.exitCode = 3;
};

function record({ performanceMonitoringService }, operation) {
  performanceMonitoringService.recordMetric({ name: 'probe', value: 1, operation });
}

/** Changes a setting through one copy of the library, and prints its effect on the other copy. */
function printSharedState(imported, required) {
  console.log('same classes:', imported.PerfscopeError === required.PerfscopeError);
  required.performanceMonitoringService.strict = true;
  try {
    imported.performanceMonitoringService.recordMetric({ name: 'invalid', value: Number.NaN });
  } catch (error) {
    console.log(error.name, error.code);
  }
  required.performanceMonitoringService.strict = false;
}
