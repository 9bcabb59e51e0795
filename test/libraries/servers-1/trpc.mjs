import * as trpc from '@trpc/server';
import { createExpressMiddleware } from '@trpc/server/adapters/express';
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import * as standalone from '@trpc/server/adapters/standalone';
import express from 'express';
import { fastify } from 'fastify';
import { run } from '../../apps/trpc-calls.cjs';

await run(trpc, {
  createExpressMiddleware,
  express,
  fastify,
  fastifyTRPCPlugin,
  fetchRequestHandler,
  standalone,
});
