const { createServer, get } = require('node:http');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

// The other frames can belong to the agent.
Error.stackTraceLimit = 1;
const [library, scenario, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));

const crash = () => {
  throw new RangeError('crash');
};
const isCrash = scenario === 'uncaught';
/** A handler that fails outside the promise that the library awaits. */
function fail() {
  if (isCrash) setImmediate(crash);
  else void Promise.reject(new TypeError('nobody awaits this'));
  return new Promise((resolve) => setTimeout(resolve, 5000).unref());
}
/** Names and properties that an application can see. Functions of the agent can have the property `prototype`. */
const describe = (value) => [
  typeof value === 'function' && [value.name, value.length],
  Reflect.ownKeys(value)
    .map(String)
    .filter((key) => key !== 'prototype')
    .sort(),
];

const libraries = {
  async hapi() {
    const Hapi = load('@hapi/hapi');
    const server = Hapi.server({ port: 0, host: '127.0.0.1' });
    server.route({ method: 'GET', path: '/fail', handler: fail });
    const injected = { method: 'GET', path: '/injected/{id}', handler: () => 'injected' };
    server.route(injected);
    server.events.on('request', (_request, { channel, error }) =>
      console.log(channel, error?.name),
    );
    await server.start();
    if (scenario === 'state') {
      console.log((await server.inject('/injected/5')).payload, server.table().length);
      console.log(server.lookup, describe(injected.handler));
      return server.stop();
    }
    return server.info.port;
  },
  async h3() {
    const h3 = load('h3');
    if (!h3.H3) {
      const app = h3.createApp();
      const router = h3.createRouter().get('/fail', h3.eventHandler(fail));
      if (scenario === 'state') {
        console.log(describe(h3.createApp), describe(h3.createRouter), describe(app));
        console.log(describe(app.handler), describe(router), describe(router.handler));
        console.log(describe(app.use), app.use('/a', router.handler) === app);
        return console.log(app.stack.length, await app.resolve('/a/fail'));
      }
      return listen(createServer(h3.toNodeListener(app.use(router))));
    }
    const app = new h3.H3().get('/fail', fail).get('/rooms/:id', () => 'room');
    if (scenario === 'state') {
      console.log(describe(h3.H3), describe(h3.H3.prototype), describe(app.handler));
      return console.log(await (await app.request('/rooms/5')).text());
    }
    return listen(createServer(h3.toNodeHandler(app)));
  },
  async trpc() {
    const { initTRPC } = load('@trpc/server');
    const { createHTTPServer } = load('@trpc/server/adapters/standalone');
    const t = initTRPC.create();
    const procedure = t.procedure.query(fail);
    const router = t.router({ fail: procedure });
    if (scenario === 'state') {
      console.log(describe(t), describe(router), Object.keys(router._def.procedures));
      return console.log(describe(procedure), describe(createHTTPServer));
    }
    const server = createHTTPServer({ router });
    return listen(server.server ?? server);
  },
  async graphql() {
    const graphql = load('graphql');
    const schema = graphql.buildSchema('type Query { fail: Int five: Int }');
    const document = graphql.parse('query Five { five }');
    const rootValue = { fail, five: 5 };
    if (scenario === 'state') {
      console.log(describe(graphql.execute), describe(graphql.subscribe));
      // A result without promises is not a promise.
      const result = graphql.execute({ schema, document, rootValue });
      console.log(result.then, JSON.stringify(result));
      try {
        graphql.execute({ document });
      } catch (error) {
        console.log(error.name);
      }
      return undefined;
    }
    const source = 'query Fail { fail }';
    return listen(createServer(() => void graphql.graphql({ schema, source, rootValue })));
  },
};

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

void libraries[library]().then((port) => {
  if (scenario === 'state') return;
  // Node.js ends the process while the request is open.
  get({ port, path: '/fail', host: '127.0.0.1' }).on('error', () => {});
});
