import staticPlugin from '@fastify/static';
import fastify from 'fastify';
import { run } from '../../apps/fastify-routes.cjs';

await run(fastify, { staticPlugin });
