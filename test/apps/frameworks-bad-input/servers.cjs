// Starts a small application for each supported framework. The same handlers run in all of them.
const { createRequire } = require('node:module');
const { once } = require('node:events');
const http = require('node:http');
const { join } = require('node:path');

/** Loads a library as a program in `folder` would. */
const load = (folder, name) => createRequire(join(folder, 'program.cjs'))(name);

/** Each function returns a server that listens. `act` gets the request of Node.js and the object of the framework. */
const starters = {
  async express(folder, act) {
    const app = load(folder, 'express')();
    app.set('env', 'test');
    app.get('/rooms/:id', (request, response) => {
      response.send(act(request.params.id, request, request));
    });
    app.use((error, _request, response, _next) => response.status(500).end(describe(error)));
    return app.listen(0, '127.0.0.1');
  },
  async fastify(folder, act) {
    const app = load(folder, 'fastify')();
    app.get('/rooms/:id', async (request) => act(request.params.id, request.raw, request));
    app.setErrorHandler((error, _request, reply) => reply.code(500).send(describe(error)));
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server;
  },
  async koa(folder, act) {
    const app = new (load(folder, 'koa'))();
    const loaded = load(folder, '@koa/router');
    const router = new (loaded.Router ?? loaded)();
    router.get('/rooms/:id', (context) => {
      context.body = act(context.params.id, context.req, context);
    });
    app.use(async (context, next) => {
      try {
        await next();
      } catch (error) {
        context.status = 500;
        context.body = describe(error);
      }
    });
    app.use(router.routes());
    return app.listen(0, '127.0.0.1');
  },
  async hono(folder, act) {
    const app = new (load(folder, 'hono').Hono)();
    app.get('/rooms/:id', (context) => {
      return context.text(act(context.req.param('id'), context.env.incoming, context));
    });
    app.onError((error, context) => context.text(describe(error), 500));
    const server = load(folder, '@hono/node-server').serve({
      fetch: app.fetch,
      port: 0,
      hostname: '127.0.0.1',
    });
    if (!server.listening) await once(server, 'listening');
    return server;
  },
};

/** Describes any thrown value, also one whose getters throw. */
function describe(error) {
  try {
    return `${typeof error} ${error?.name} ${error?.message}`;
  } catch (failure) {
    return `unreadable: ${failure.message}`;
  }
}

/** Sends a request, and returns the status and the body, or the kind of failure. */
function send(port, path) {
  return new Promise((done) => {
    const request = http.get({ port, path, host: '127.0.0.1', agent: false, timeout: 3000 });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => done(`failed ${error.code ?? error.message}`));
    request.on('response', (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('error', () => done(`${response.statusCode} cut`));
      response.on('end', () => done(`${response.statusCode} ${body}`));
    });
  });
}

module.exports = {
  send,
  async start(library, folder, act) {
    const server = await starters[library](folder, act);
    if (!server.listening) await once(server, 'listening');
    const { port } = server.address();
    return { port, close: () => server.close() };
  },
};
