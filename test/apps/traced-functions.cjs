// Calls traced functions of each kind, also in requests, and returns what the calls did.
const http = require('node:http');
const { once } = require('node:events');
const { setTimeout: delay } = require('node:timers/promises');

module.exports = async ({ traceFunction, traceStep, traced, withTenant }) => {
  const checks = {};
  const failure = new RangeError('no rooms');

  const add = traceFunction(function add(a, b) {
    return a + b;
  });
  for (let i = 0; i < 1000; i++) add(i, 1);
  const fail = traceFunction('fail', () => {
    throw failure;
  });
  for (let i = 0; i < 3; i++) {
    try {
      fail();
    } catch (error) {
      checks.sameError = error === failure;
    }
  }

  const wait = traceFunction('wait', (ms) => delay(ms, ms));
  const results = await Promise.all([20, 20, 20, 20].map((ms) => wait(ms)));
  checks.results = results;
  const reject = traceFunction('reject', async () => {
    throw failure;
  });
  checks.sameReason = await reject().catch((error) => error === failure);
  // The caller notices that nothing handles this rejection.
  const unhandled = once(process, 'unhandledRejection');
  reject();
  checks.unhandledReason = (await unhandled)[0] === failure;

  // biome-ignore lint/suspicious/noThenProperty: queries of many libraries are thenables.
  const query = { started: 0, then: (resolve) => resolve(++query.started) };
  const find = traceFunction('find', () => query);
  checks.sameThenable = find() === query && query.started === 0;
  await query;

  const countTo = traceFunction('countTo', function* countTo(n) {
    for (let i = 0; i < n; i++) yield i;
  });
  checks.generated = [...countTo(3)];
  for (const each of countTo(3)) if (each === 1) break;
  const page = traceFunction('page', async function* page() {
    yield 1;
    await delay(20);
    yield 2;
  });
  checks.pages = 0;
  for await (const each of page()) checks.pages += each;

  const factorial = traceFunction('factorial', (n) => (n < 2 ? 1 : n * factorial(n - 1)));
  checks.factorial = factorial(5);
  withTenant({ organizationId: 'grand', propertyId: 'sea' }, () => add(1, 2));
  withTenant({ organizationId: 'plaza' }, () => add(1, 2));

  class Prices {
    #rate = 2;
    find(room) {
      return room * this.#rate;
    }
    static load() {
      return 'loaded';
    }
  }
  decorate(Prices.prototype, 'find', traced());
  decorate(Prices, 'load', traced());
  checks.price = new Prices().find(7);
  checks.loaded = Prices.load();

  let code = 0;
  for (const wrap of [
    () => traceFunction(() => {}),
    () => traceFunction('x', 7),
    () => traced(''),
  ]) {
    try {
      wrap();
    } catch (error) {
      code += error.code === 'PS_ARGUMENT_INVALID' ? 1 : 0;
    }
  }
  checks.rejected = code;

  const server = http.createServer(async (request, response) => {
    if (request.url === '/target') return setTimeout(() => response.end(), 40);
    await traceStep('book', async () => {
      await traceStep('price', () => fetch(`http://127.0.0.1:${server.address().port}/target`));
      await wait(20);
    });
    if (request.url === '/many') for (let i = 0; i < 100; i++) add(i, 1);
    return response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const path of ['/one', '/many']) {
    const { headers } = await fetch(`http://127.0.0.1:${server.address().port}${path}`);
    checks.keptAlive = headers.get('connection');
  }
  server.close();
  server.closeAllConnections();
  return checks;
};

// Otherwise, the rejection without a handler would end the process.
process.on('unhandledRejection', () => {});

function decorate(target, key, decorator) {
  const descriptor = Object.getOwnPropertyDescriptor(target, key);
  decorator(target, key, descriptor);
  Object.defineProperty(target, key, descriptor);
}
