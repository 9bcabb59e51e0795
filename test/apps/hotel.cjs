// Hotel API for any Express version and module system. It does not import Perfscope.
const { subscribe } = require('node:diagnostics_channel');
const { metrics } = require('@opentelemetry/api');

const bookings = metrics.getMeter('hotel').createCounter('hotel.bookings', { unit: '{booking}' });
const prices = metrics.getMeter('hotel').createHistogram('hotel.price', { unit: 'EUR' });

/** Measures the duration of each request independently of Perfscope. */
function measureRequests(path) {
  const startMs = new WeakMap();
  const durationsMs = [];
  subscribe('http.server.request.start', ({ request }) => {
    startMs.set(request, performance.now());
  });
  subscribe('http.server.response.finish', ({ request }) => {
    const { pathname } = new URL(request.originalUrl ?? request.url, 'http://localhost');
    if (pathname.startsWith(path)) durationsMs.push(performance.now() - startMs.get(request));
  });
  return durationsMs;
}

module.exports = function serve(express) {
  const app = express();
  const durationsMs = measureRequests('/rooms/');
  const organization = express.Router({ mergeParams: true });
  const property = express.Router({ mergeParams: true });

  app.use(express.json());
  app.get('/', (_request, response) => response.send('hotel'));
  app.get('/healthz', (_request, response) => response.send('ok'));
  app.get('/internal/exact', (_request, response) => response.json(durationsMs));
  let position = 0;
  app.get('/rooms/:id', (_request, response) => {
    // Golden-ratio steps distribute the durations evenly on a log scale from 5 to 80 ms.
    position = (position + 0.618033988749895) % 1;
    setTimeout(() => response.json({}), 5 * 16 ** position);
  });
  app.use('/api/:organization', organization);
  organization.use('/properties/:property', property);
  organization.get('/broken', () => {
    throw new Error('intentional failure');
  });
  organization.get('/gone', (_request, response) => response.status(404).json({}));
  organization.get('/slow', () => {});
  property.get('/bookings/:id', (_request, response) => response.json({}));
  property.post('/bookings', (_request, response) => {
    bookings.add(1);
    prices.record(120);
    response.status(201).json({});
  });
  app.use((_error, _request, response, _next) => response.status(500).json({}));

  const server = app.listen(0, '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
};
