import fastify from 'fastify';
import { run } from '../../apps/fastify-routes.cjs';

await run(fastify);
