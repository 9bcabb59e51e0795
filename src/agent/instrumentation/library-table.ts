import { IOREDIS } from './databases/ioredis.ts';
import { MONGODB_DRIVER } from './databases/mongodb.ts';
import { MYSQL2 } from './databases/mysql2.ts';
import { NODE_REDIS } from './databases/node-redis.ts';
import { ORMS } from './databases/orms.ts';
import { PG, PG_POOL } from './databases/postgres.ts';
import { POSTGRES_JS } from './databases/postgres-js.ts';
import { PRISMA } from './databases/prisma.ts';
import { EXPRESS, ROUTER } from './frameworks/express.ts';
import { FASTIFY } from './frameworks/fastify.ts';
import { HONO } from './frameworks/hono.ts';
import { KOA } from './frameworks/koa.ts';
import { KOA_ROUTER } from './frameworks/koa-router.ts';
import { NEST } from './frameworks/nest.ts';
import { NEXT } from './frameworks/next.ts';
import type { Library } from './loading/library.ts';
import { NODE_HTTP } from './outgoing/node-http-client.ts';
import { FETCH, UNDICI } from './outgoing/undici.ts';
import { AGENDA, AGENDA_MONGO_BACKEND } from './queues/agenda.ts';
import { BULLMQ } from './queues/bullmq.ts';
import { PG_BOSS } from './queues/pg-boss.ts';
import { SQS } from './queues/sqs.ts';

/**
 * All libraries that the agent measures. The README, `docs/instrumentation.md`, `doctor`, and the start line
 * read this table. To add a library, write its file, and add it here.
 */
export const LIBRARIES: readonly Library[] = [
  EXPRESS,
  ROUTER,
  FASTIFY,
  KOA,
  KOA_ROUTER,
  NEST,
  HONO,
  NEXT,

  FETCH,
  UNDICI,
  NODE_HTTP,

  PG,
  PG_POOL,
  POSTGRES_JS,
  MYSQL2,
  ...ORMS,

  MONGODB_DRIVER,

  IOREDIS,
  NODE_REDIS,

  PRISMA,

  BULLMQ,
  PG_BOSS,
  AGENDA,
  AGENDA_MONGO_BACKEND,
  SQS,
];
