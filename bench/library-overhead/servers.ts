import { PostgresServer, RedisServer } from '../../demo/database-servers.ts';
import { FerretdbServer } from '../../test/support/ferretdb-server.ts';

/** A temporary server of a benchmark. */
export interface StartedServer {
  /** Environment variables with the address of the server, for `setup`. */
  readonly env: NodeJS.ProcessEnv;
  readonly remove: () => Promise<void>;
}

/**
 * Starts each server that a definition can name in `servers`. The variables of other servers are AMQP_URL, KAFKA_BROKERS,
 * SQS_ENDPOINT, CASSANDRA_HOST, ELASTICSEARCH_URL, CLICKHOUSE_URL, and MEMCACHED_HOST.
 */
const SERVERS: Readonly<Record<string, () => Promise<StartedServer>>> = {
  redis: () => startServer(new RedisServer(), 'REDIS_URL'),
  postgresql: () => startServer(new PostgresServer(), 'DATABASE_URL'),
  mongodb: () => startServer(new FerretdbServer(), 'MONGODB_URL'),
};

/** A class that runs a temporary server. */
interface TemporaryServer {
  start(): Promise<void>;
  remove(): Promise<void>;
  readonly url: string;
}

async function startServer(server: TemporaryServer, variable: string): Promise<StartedServer> {
  await server.start();
  return { env: { [variable]: server.url }, remove: () => server.remove() };
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
