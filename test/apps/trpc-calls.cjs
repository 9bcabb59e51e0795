const { once } = require('node:events');
const { createServer } = require('node:http');
const { setTimeout: delay } = require('node:timers/promises');

/** Returns a router whose procedures succeed and fail in different ways. */
function createRouter({ initTRPC, TRPCError }) {
  const t = initTRPC.create();
  const fail = (create) => () => {
    throw create();
  };
  const checked = t.procedure.use(({ next }) => next());
  const rooms = t.router({
    byId: t.procedure.query(() => ({ id: 5 })),
    book: checked.mutation(() => 'booked'),
    slow: checked.query(() => delay(40, 'slow')),
    missing: t.procedure.query(fail(() => new TRPCError({ code: 'NOT_FOUND' }))),
    invalid: t.procedure
      .input(() => {
        throw new Error('not a number');
      })
      .query(() => 'never'),
    throws: t.procedure.query(fail(() => new RangeError('thrown by a procedure'))),
    rejects: t.procedure.mutation(async () => {
      await null;
      throw new TypeError('rejected by a procedure');
    }),
    internal: t.procedure.query(
      fail(() => new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: 'no cause' })),
    ),
  });
  const combined = checked.unstable_concat(t.procedure);
  const action = createAction(t.procedure);
  const guarded = t.procedure.use(async () => {
    throw new Error('thrown by a middleware');
  });
  const router = t.router({
    rooms,
    hello: t.procedure.query(() => 'hello'),
    guarded: guarded.query(() => 'never'),
    combined: combined.query(() => 'combined'),
  });
  console.log(combined._def.middlewares.length, router._def.procedures.combined.length);
  // A call by the application, outside a request.
  return { router, action, createCaller: t.createCallerFactory?.(router) ?? router.createCaller };
}

/** Returns a procedure that the application calls as a function. Undefined in version 10. */
function createAction(procedure) {
  const call = ({ invoke, args: [input] }) =>
    invoke({ type: 'query', ctx: {}, getRawInput: async () => input, path: 'action', input });
  return procedure
    .experimental_caller?.(call)
    .input((value) => value.toUpperCase())
    .query(({ input }) => input);
}

/** Starts one server per adapter. Returns the URL of each. */
async function startServers(adapters, { router, createCaller }) {
  const createContext = ({ req }) => {
    if (req.url?.includes('broken-context')) throw new Error('thrown by the context');
    return {};
  };
  const servers = [];
  const listen = async (server) => {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${server.address().port}`;
  };
  const standalone = adapters.standalone.createHTTPServer({ router, createContext });
  const app = adapters.express();
  app.use('/trpc', adapters.createExpressMiddleware({ router, createContext }));
  app.get('/page/:id', async (_request, response) => {
    response.send(await createCaller({}).hello());
  });
  const fastify = adapters.fastify();
  fastify.register(adapters.fastifyTRPCPlugin, {
    prefix: '/trpc',
    trpcOptions: { router, createContext },
  });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  servers.push(fastify.server);
  const fetchServer = createServer(async (request, response) => {
    const result = await adapters.fetchRequestHandler({
      endpoint: '/api/trpc',
      req: new Request(`http://localhost${request.url}`, { method: request.method }),
      router,
      createContext,
    });
    response.writeHead(result.status, { 'content-type': 'application/json' });
    response.end(await result.text());
  });
  const urls = {
    standalone: await listen(standalone.server ?? standalone),
    express: `${await listen(createServer(app))}/trpc`,
    fastify: `http://127.0.0.1:${fastify.server.address().port}/trpc`,
    fetch: `${await listen(fetchServer)}/api/trpc`,
  };
  return { urls, servers };
}

/** Calls procedures through each adapter, and prints the responses. */
async function run(trpc, adapters) {
  const app = createRouter(trpc);
  const { urls, servers } = await startServers(adapters, app);
  const send = async (path, method = 'GET') => {
    const headers = method === 'POST' ? { 'content-type': 'application/json' } : {};
    const response = await fetch(path, { method, headers });
    const text = await response.text();
    const name = path.replace(/^http:\/\/[^/]+/, '');
    // The body of an error contains its stack.
    console.log(
      method,
      name,
      response.status,
      text.replaceAll(/"stack":"(?:[^"\\]|\\.)*"/g, '"stack"'),
    );
  };
  for (const [name, url] of Object.entries(urls)) {
    console.log(name);
    await send(`${url}/rooms.byId`);
    await send(`${url}/rooms.byId?input=%7B%7D`);
    await send(`${url}/hello`);
    await send(`${url}/rooms.slow`);
    if (name !== 'fetch') await send(`${url}/rooms.book`, 'POST');
    await send(`${url}/rooms.missing`);
    await send(`${url}/rooms.invalid`);
    await send(`${url}/rooms.throws`);
    await send(`${url}/rooms.internal`);
    if (name !== 'fetch') await send(`${url}/rooms.rejects`, 'POST');
    await send(`${url}/guarded`);
    await send(`${url}/unknown.path`);
    await send(`${url}/hello,rooms.byId?batch=1&input=%7B%7D`);
    await send(`${url}/hello,rooms.throws,rooms.missing?batch=1&input=%7B%7D`);
    await send(`${url}/hello?broken-context`);
  }
  await send(`${urls.express.replace('/trpc', '/page')}/5`);
  console.log(await app.createCaller({}).hello());
  console.log(await app.createCaller({}).combined());
  if (app.action) console.log(await app.action('action'));
  await app
    .createCaller({})
    .rooms.throws()
    .catch((error) => console.log(error.message));
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
}

module.exports = { run };
