import { Cluster, Redis } from 'ioredis';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { waitFor } from './wait-for.ts';

const SLOTS = 16_384;
const MASTERS = 3;

/** A node of a {@link RedisCluster}. */
interface ClusterNode {
  readonly program: ServerProcess;
  readonly port: number;
  /** Port for messages between nodes. */
  readonly busPort: number;
  readonly client: Redis;
}

/** Runs a temporary Redis Cluster with three masters. Each has a replica, which takes over about a second after its end. */
export class RedisCluster {
  readonly #nodes: ClusterNode[] = [];

  async start(): Promise<void> {
    for (let i = 0; i < MASTERS * 2; i++) this.#nodes.push(await startNode());
    const [first] = this.#nodes;
    for (const [i, { client }] of this.#nodes.slice(0, MASTERS).entries()) {
      const range = [Math.ceil((i * SLOTS) / MASTERS), Math.ceil(((i + 1) * SLOTS) / MASTERS) - 1];
      await client.cluster('ADDSLOTSRANGE', ...(range as [number, number]));
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    }
    for (const { client } of this.#nodes.slice(1)) {
      await client.call(
        'CLUSTER',
        'MEET',
        '127.0.0.1',
        String(first!.port),
        String(first!.busPort),
      );
    }
    for (const [i, { client }] of this.#nodes.slice(MASTERS).entries()) {
      const id = (await this.#nodes[i]!.client.cluster('MYID')) as string;
      await waitFor(async () => (await client.cluster('REPLICATE', id)) === 'OK');
    }
    await this.waitUntilOk();
  }

  /** Addresses of all nodes. */
  get nodes(): { host: string; port: number }[] {
    return this.#nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** Waits until all running nodes agree that each slot has a master with a replica or none is left. */
  async waitUntilOk(): Promise<void> {
    for (const { client, program } of this.#nodes) {
      if (program.exitOutput !== undefined) continue;
      await waitFor(async () => {
        const info = (await client.cluster('INFO')) as string;
        return info.includes('cluster_state:ok') && info.includes(`cluster_size:${MASTERS}`);
      });
    }
    for (const { client } of this.#nodes.slice(MASTERS)) {
      await waitFor(async () => (await client.info('replication')).includes('link_status:up'));
    }
  }

  /** Kills the master that stores a key. Returns once its replica has taken over. */
  async killMaster(key: string): Promise<void> {
    const cluster = new Cluster(this.nodes);
    const slot = (await cluster.cluster('KEYSLOT', key)) as number;
    cluster.disconnect();
    const index = Math.floor((slot * MASTERS) / SLOTS);
    const master = this.#nodes[index]!;
    master.client.disconnect();
    await master.program.kill('SIGKILL');
    const replica = this.#nodes[index + MASTERS]!;
    await waitFor(async () => (await replica.client.info('replication')).includes('role:master'));
  }

  async remove(): Promise<void> {
    for (const { client } of this.#nodes) client.disconnect();
    await Promise.all(this.#nodes.map(({ program }) => program.remove('SIGKILL')));
  }
}

async function startNode(): Promise<ClusterNode> {
  const program = new ServerProcess('redis-cluster');
  const port = await findFreePort();
  const address = ['--bind', '127.0.0.1', '--port', String(port)];
  const busPort = await findFreePort();
  const bus = ['--cluster-port', String(busPort)];
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '500', ...bus];
  program.start('redis-server', [...address, ...cluster, '--save', '', '--appendonly', 'no']);
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
  client.on('error', () => {});
  await waitFor(async () => (await client.ping()) === 'PONG');
  return { program, port, busPort, client };
}
