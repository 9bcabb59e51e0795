import { PostgresServer, RedisServer } from '../../demo/database-servers.ts';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { startUpstream } from './sink.ts';

/** A route of the measured service, with a version of Node.js. */
export interface Workload {
  readonly name: string;
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
  /** Path of the Node binary. Undefined for the current one. */
  readonly node?: string;
  /** Whether the agents of other projects are measured too. */
  readonly comparesOthers: boolean;
  /** Maximum CPU time that the agent adds to a request, in µs. */
  readonly maxMicros: number;
  /** Maximum of the same relative to dd-trace. Undefined if dd-trace isn't measured. */
  readonly maxShare?: number;
}

/** The servers that the measured service uses. */
export class WorkloadServers {
  readonly #postgres = new PostgresServer();
  readonly #redis = new RedisServer();
  #upstream: Awaited<ReturnType<typeof startUpstream>> | undefined;

  /** Starts the servers, and returns the workloads. */
  async start(): Promise<Workload[]> {
    const [upstream] = await Promise.all([
      startUpstream(),
      this.#postgres.start(),
      this.#redis.start(),
    ]);
    this.#upstream = upstream;
    const json = { path: '/json/7', env: {} };
    const fastify = { path: '/json/7', env: { FRAMEWORK: 'fastify' } };
    return [
      { ...json, name: 'JSON route', comparesOthers: true, maxMicros: 4, maxShare: 0.06 },
      {
        ...fastify,
        name: 'JSON route of Fastify',
        comparesOthers: true,
        maxMicros: 4,
        maxShare: 0.06,
      },
      {
        name: 'two queries',
        path: '/rooms/7',
        // Only this route has a tenant.
        env: {
          DATABASE_URL: this.#postgres.url,
          PERFORMANCE_ORGANIZATION_HEADER: 'x-organization-id',
          PERFORMANCE_PROPERTY_HEADER: 'x-property-id',
        },
        comparesOthers: true,
        maxMicros: 15,
        maxShare: 0.12,
      },
      {
        name: 'one fetch and one Redis command',
        path: '/calls/7',
        env: { REDIS_URL: this.#redis.url, UPSTREAM_URL: upstream.url },
        comparesOthers: true,
        maxMicros: 8,
        maxShare: 0.1,
      },
      ...[22, 24].flatMap((major) => {
        const version = { node: nodeBinary(major), comparesOthers: false };
        const maxMicros = major === 22 ? 7 : 4;
        return [
          { ...json, ...version, name: `JSON route on Node ${major}`, maxMicros },
          { ...fastify, ...version, name: `JSON route of Fastify on Node ${major}`, maxMicros },
        ];
      }),
    ];
  }

  async remove(): Promise<void> {
    this.#upstream?.close();
    await Promise.all([this.#postgres.remove(), this.#redis.remove()]);
  }
}
