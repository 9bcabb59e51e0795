// Creates an application of each framework, as a listener for the requests of an HTTP server.
const { createRequire } = require('node:module');
const { join } = require('node:path');

/**
 * Returns a function that loads packages from a folder.
 *
 * @param {string} folder with the prefix `esm:`, packages are imported from its `load.mjs`
 */
async function createLoader(folder) {
  if (!folder.startsWith('esm:')) return createRequire(join(folder, 'program.cjs'));
  const { default: importPackage } = await import(join(folder.slice('esm:'.length), 'load.mjs'));
  return importPackage;
}
const getDefault = (exports) => exports.default ?? exports;

/**
 * Each function resolves with a listener. `run` is called with the kind of the request and the objects of the
 * framework. It returns the text of the response, or throws.
 */
const creators = {
  async http(_load, run) {
    return (request, response) => {
      try {
        response.end(run(getLastSegment(request.url), [request, response]));
      } catch {
        response.statusCode = 500;
        response.end('failed');
      }
    };
  },
  async express(load, run) {
    const express = getDefault(await load('express'));
    const app = express();
    const router = express.Router();
    router.get('/:kind', (request, response) => {
      response.send(run(request.params.kind, [request, response]));
    });
    app.use('/api', router);
    return app;
  },
  async fastify(load, run) {
    const app = getDefault(await load('fastify'))();
    app.register(
      async (plugin) => {
        plugin.get('/:kind', async (request, reply) =>
          run(request.params.kind, [request, reply, request.raw, reply.raw]),
        );
      },
      { prefix: '/api' },
    );
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  async koa(load, run) {
    const app = new (getDefault(await load('koa')))();
    const { default: Default, Router = Default } = await load('@koa/router');
    const router = new (Router ?? (await load('@koa/router')))({ prefix: '/api' });
    router.get('/:kind', (context) => {
      const { request, response, req, res } = context;
      context.body = run(context.params.kind, [context, request, response, req, res]);
    });
    app.use(router.routes());
    return app.callback();
  },
  async hono(load, run) {
    const { Hono } = await load('hono');
    const { getRequestListener } = await load('@hono/node-server');
    const app = new Hono().basePath('/api');
    app.get('/:kind', (context) => {
      const { req, env } = context;
      return context.text(run(req.param('kind'), [context, req, env, env.incoming]));
    });
    return getRequestListener(app.fetch, { overrideGlobalObjects: false });
  },
  async nest(load, run) {
    await load('reflect-metadata');
    const { Controller, Get, Module, Req, Res } = await load('@nestjs/common');
    const { NestFactory } = await load('@nestjs/core');
    const { ExpressAdapter } = await load('@nestjs/platform-express');
    class Requests {
      handle(request, response) {
        return run(request.params.kind, [request, response]);
      }
    }
    Controller('api')(Requests);
    const { prototype } = Requests;
    Get(':kind')(prototype, 'handle', Object.getOwnPropertyDescriptor(prototype, 'handle'));
    Req()(prototype, 'handle', 0);
    Res({ passthrough: true })(prototype, 'handle', 1);
    class Application {}
    Module({ controllers: [Requests] })(Application);
    const app = await NestFactory.create(Application, new ExpressAdapter(), { logger: false });
    await app.init();
    return app.getHttpAdapter().getInstance();
  },
};

const getLastSegment = (url) => url.slice(url.lastIndexOf('/') + 1);

module.exports = {
  createListener: async (framework, folder, run) =>
    creators[framework](await createLoader(folder), run),
};
