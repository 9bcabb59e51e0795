import { BETTER_SQLITE3 } from './databases/better-sqlite3.ts';
import { CASSANDRA_DRIVER } from './databases/cassandra.ts';
import { CLICKHOUSE_CLIENT, CLICKHOUSE_COMMON } from './databases/clickhouse.ts';
import { ELASTIC_TRANSPORT, ELASTICSEARCH_CLIENT } from './databases/elasticsearch.ts';
import { IOREDIS } from './databases/ioredis.ts';
import { MEMCACHED } from './databases/memcached.ts';
import { MONGODB_DRIVER } from './databases/mongodb.ts';
import { MYSQL2 } from './databases/mysql2.ts';
import { NODE_REDIS } from './databases/node-redis.ts';
import { NODE_SQLITE } from './databases/node-sqlite.ts';
import { ORMS } from './databases/orms.ts';
import { PG, PG_POOL } from './databases/postgres.ts';
import { POSTGRES_JS } from './databases/postgres-js.ts';
import { PRISMA } from './databases/prisma.ts';
import { APOLLO_SERVER } from './frameworks/apollo-server.ts';
import { EXPRESS, ROUTER } from './frameworks/express.ts';
import { FASTIFY } from './frameworks/fastify.ts';
import { GRAPHQL } from './frameworks/graphql.ts';
import { GRAPHQL_EXECUTOR, GRAPHQL_YOGA } from './frameworks/graphql-yoga.ts';
import { GRPC_JS } from './frameworks/grpc.ts';
import { H3 } from './frameworks/h3.ts';
import { HAPI } from './frameworks/hapi.ts';
import { HONO } from './frameworks/hono.ts';
import { KOA } from './frameworks/koa.ts';
import { KOA_ROUTER } from './frameworks/koa-router.ts';
import { NEST } from './frameworks/nest.ts';
import { NEXT } from './frameworks/next.ts';
import { NITRO } from './frameworks/nitro.ts';
import { TRPC } from './frameworks/trpc.ts';
import { VUE_ROUTER } from './frameworks/vue-router.ts';
import type { Library } from './loading/library.ts';
import { NODE_HTTP } from './outgoing/node-http-client.ts';
import { FETCH, UNDICI } from './outgoing/undici.ts';
import { AGENDA, AGENDA_MONGO_BACKEND } from './queues/agenda.ts';
import { AMQPLIB } from './queues/amqplib.ts';
import { BEE_QUEUE } from './queues/bee-queue.ts';
import { BULL } from './queues/bull.ts';
import { BULLMQ } from './queues/bullmq.ts';
import { KAFKAJS } from './queues/kafkajs.ts';
import { PG_BOSS } from './queues/pg-boss.ts';
import { SQS } from './queues/sqs.ts';
import { ENGINE_IO, SOCKET_IO } from './websocket/socket-io.ts';
import { FASTIFY_WEBSOCKET, WS } from './websocket/ws.ts';

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
  HAPI,
  H3,
  NITRO,
  VUE_ROUTER,
  NEXT,

  GRPC_JS,

  WS,
  FASTIFY_WEBSOCKET,
  SOCKET_IO,
  ENGINE_IO,
  TRPC,
  APOLLO_SERVER,
  GRAPHQL_YOGA,
  GRAPHQL_EXECUTOR,
  GRAPHQL,

  FETCH,
  UNDICI,
  NODE_HTTP,

  PG,
  PG_POOL,
  POSTGRES_JS,
  MYSQL2,
  CASSANDRA_DRIVER,
  CLICKHOUSE_CLIENT,
  CLICKHOUSE_COMMON,
  BETTER_SQLITE3,
  NODE_SQLITE,
  ...ORMS,

  MONGODB_DRIVER,

  ELASTICSEARCH_CLIENT,
  ELASTIC_TRANSPORT,

  IOREDIS,
  NODE_REDIS,
  MEMCACHED,

  PRISMA,

  BULLMQ,
  AMQPLIB,
  KAFKAJS,
  BULL,
  BEE_QUEUE,
  PG_BOSS,
  AGENDA,
  AGENDA_MONGO_BACKEND,
  SQS,
];
