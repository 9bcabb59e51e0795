import { CASSANDRA_DRIVER } from './databases/cassandra/cassandra.ts';
import { CLICKHOUSE_CLIENT, CLICKHOUSE_COMMON } from './databases/clickhouse.ts';
import {
  ELASTIC_TRANSPORT,
  ELASTICSEARCH_CLIENT,
} from './databases/elasticsearch/elasticsearch.ts';
import { MEMCACHED } from './databases/memcached/memcached.ts';
import { MONGODB_DRIVER } from './databases/mongodb/mongodb.ts';
import { MYSQL2 } from './databases/mysql2/mysql2.ts';
import { ORMS } from './databases/orms.ts';
import { PG, PG_POOL } from './databases/postgres/postgres.ts';
import { POSTGRES_JS } from './databases/postgres/postgres-js.ts';
import { PRISMA } from './databases/prisma/prisma.ts';
import { IOREDIS } from './databases/redis/ioredis.ts';
import { NODE_REDIS } from './databases/redis/node-redis.ts';
import { BETTER_SQLITE3 } from './databases/sqlite/better-sqlite3.ts';
import { NODE_SQLITE } from './databases/sqlite/node-sqlite.ts';
import { EXPRESS, ROUTER } from './frameworks/express/express.ts';
import { FASTIFY } from './frameworks/fastify.ts';
import { APOLLO_SERVER } from './frameworks/graphql/apollo-server.ts';
import { GRAPHQL } from './frameworks/graphql/graphql.ts';
import { GRAPHQL_EXECUTOR, GRAPHQL_YOGA } from './frameworks/graphql/graphql-yoga.ts';
import { GRPC_JS } from './frameworks/grpc/grpc.ts';
import { H3 } from './frameworks/h3/h3.ts';
import { NITRO } from './frameworks/h3/nitro.ts';
import { VUE_ROUTER } from './frameworks/h3/vue-router.ts';
import { HAPI } from './frameworks/hapi.ts';
import { HONO } from './frameworks/hono/hono.ts';
import { KOA } from './frameworks/koa/koa.ts';
import { KOA_ROUTER } from './frameworks/koa/koa-router.ts';
import { NEST } from './frameworks/nest.ts';
import { NEXT } from './frameworks/nextjs/next.ts';
import { TRPC } from './frameworks/trpc/trpc.ts';
import type { Library } from './loading/library.ts';
import { NODE_HTTP } from './outgoing/node-http-client.ts';
import { FETCH, UNDICI } from './outgoing/undici.ts';
import { AGENDA, AGENDA_MONGO_BACKEND } from './queues/agenda/agenda.ts';
import { AMQPLIB } from './queues/amqplib/amqplib.ts';
import { BEE_QUEUE } from './queues/bee-queue/bee-queue.ts';
import { BULL } from './queues/bull/bull.ts';
import { BULLMQ } from './queues/bullmq/bullmq.ts';
import { KAFKAJS } from './queues/kafkajs/kafkajs.ts';
import { PG_BOSS } from './queues/pg-boss/pg-boss.ts';
import { SQS } from './queues/sqs/sqs.ts';
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
