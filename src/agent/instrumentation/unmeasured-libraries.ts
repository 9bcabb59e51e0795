import type { LibraryCategory } from './loading/library.ts';

/**
 * Popular libraries that the agent doesn't measure yet. `doctor`, the start line, and the docs list them, so that users
 * don't search for a mistake in their setup. Remove a library from this list when it is added to `library-table.ts`.
 */
export const UNMEASURED_LIBRARIES: Readonly<Record<string, LibraryCategory>> = {
  '@hapi/hapi': 'framework',
  restify: 'framework',
  h3: 'framework',
  elysia: 'framework',
  graphql: 'framework',
  '@apollo/server': 'framework',
  'graphql-yoga': 'framework',
  '@trpc/server': 'framework',
  '@grpc/grpc-js': 'framework',
  'socket.io': 'framework',
  'better-sqlite3': 'database',
  sqlite3: 'database',
  'node:sqlite': 'database',
  mariadb: 'database',
  tedious: 'database',
  oracledb: 'database',
  'cassandra-driver': 'database',
  '@elastic/elasticsearch': 'database',
  '@aws-sdk/client-dynamodb': 'database',
  bull: 'queue',
  'bee-queue': 'queue',
  amqplib: 'queue',
  kafkajs: 'queue',
  nats: 'queue',
};
