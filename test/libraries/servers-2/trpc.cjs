const trpc = require('@trpc/server');
const { createExpressMiddleware } = require('@trpc/server/adapters/express');
const { fastifyTRPCPlugin } = require('@trpc/server/adapters/fastify');
const { fetchRequestHandler } = require('@trpc/server/adapters/fetch');
const standalone = require('@trpc/server/adapters/standalone');
const express = require('express');
const { fastify } = require('fastify');

require('../../apps/trpc-calls.cjs').run(trpc, {
  createExpressMiddleware,
  express,
  fastify,
  fastifyTRPCPlugin,
  fetchRequestHandler,
  standalone,
});
