import { PostgresServer, RedisServer } from '../../demo/database-servers.ts';
import { CassandraServer } from '../../test/support/cassandra-server.ts';
import { ClickhouseServer } from '../../test/support/clickhouse-server.ts';
import { ElasticsearchServer } from '../../test/support/elasticsearch-server.ts';
import { FerretdbServer } from '../../test/support/ferretdb-server.ts';
import { KafkaServer } from '../../test/support/kafka-server.ts';
import { MemcachedServer } from '../../test/support/memcached-server.ts';
import { RabbitmqServer } from '../../test/support/rabbitmq-server.ts';
import { SqsServer } from '../../test/support/sqs-server.ts';

/** A temporary server of a benchmark. */
export interface StartedServer {
  /** Environment variables with the address of the server, for `setup`. */
  readonly env: NodeJS.ProcessEnv;
  readonly remove: () => Promise<void>;
}

/** Starts each server that a definition can name in `servers`. */
const SERVERS: Readonly<Record<string, () => Promise<StartedServer>>> = {
  redis: () => startServer(new RedisServer(), 'REDIS_URL', ({ url }) => url),
  postgresql: () => startServer(new PostgresServer(), 'DATABASE_URL', ({ url }) => url),
  mongodb: () => startServer(new FerretdbServer(), 'MONGODB_URL', ({ url }) => url),
  rabbitmq: () => startServer(new RabbitmqServer(), 'AMQP_URL', ({ url }) => url),
  kafka: () => startServer(new KafkaServer(), 'KAFKA_BROKERS', ({ broker }) => broker),
  sqs: () => startServer(new SqsServer(), 'SQS_ENDPOINT', ({ url }) => url),
  cassandra: () => startServer(new CassandraServer(), 'CASSANDRA_HOST', ({ host }) => host),
  elasticsearch: () =>
    startServer(new ElasticsearchServer(), 'ELASTICSEARCH_URL', ({ url }) => url),
  clickhouse: () => startServer(new ClickhouseServer(), 'CLICKHOUSE_URL', ({ url }) => url),
  memcached: () => startServer(new MemcachedServer(), 'MEMCACHED_HOST', ({ host }) => host),
};

/** A class that runs a temporary server. */
interface TemporaryServer {
  start(): Promise<void>;
  remove(): Promise<void>;
}

async function startServer<T extends TemporaryServer>(
  server: T,
  variable: string,
  getAddress: (server: T) => string,
): Promise<StartedServer> {
  await server.start();
  return { env: { [variable]: getAddress(server) }, remove: () => server.remove() };
}

/** Starts servers at the same time, and returns all their variables. */
export async function startServers(names: Iterable<string>): Promise<StartedServer> {
  const results = await Promise.allSettled(
    [...new Set(names)].map((name) => {
      const start = Object.hasOwn(SERVERS, name) ? SERVERS[name] : undefined;
      if (!start) throw new Error(`Unknown server ${name}. Add it to SERVERS.`);
      return start();
    }),
  );
  const started = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const remove = async () => {
    await Promise.all(started.map((server) => server.remove()));
  };
  const failed = results.find((each) => each.status === 'rejected');
  if (failed) {
    await remove();
    throw failed.reason;
  }
  return { env: Object.assign({}, ...started.map(({ env }) => env)), remove };
}
