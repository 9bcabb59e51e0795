import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { toolPath } from '../../scripts/tools.mjs';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

const START_TIMEOUT_MS = 60_000;
/** Any ID in Kafka's format. */
const CLUSTER_ID = 'cGVyZnNjb3BlLWthZmthLQ';
/** The compiler for long runs would take most of the start. */
const JAVA_OPTIONS = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

/** Runs a temporary Kafka server without ZooKeeper. */
export class KafkaServer {
  readonly #program = new ServerProcess('kafka');
  #port = 0;

  async start(): Promise<void> {
    const program = this.#program;
    const jars = await toolPath('kafka');
    this.#port = await findFreePort();
    const controllerPort = await findFreePort();
    const config = `${program.folder}/server.properties`;
    const address = '127.0.0.1';
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@${address}:${controllerPort}`,
      listeners: `PLAINTEXT://${address}:${this.#port},CONTROLLER://${address}:${controllerPort}`,
      'advertised.listeners': `PLAINTEXT://${address}:${this.#port}`,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAINTEXT',
      'log.dirs': program.makeFolder('data'),
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 1,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
      'transaction.state.log.num.partitions': 1,
      'group.initial.rebalance.delay.ms': 0,
      'num.partitions': 1,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(config, lines.join(''));
    const java = [...JAVA_OPTIONS, '-cp', `${jars}/*`];
    const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config];
    program.run('java', [...java, ...format]);
    program.start('java', [...java, 'kafka.Kafka', config]);
    await waitFor(
      async () => program.exitOutput !== undefined || (await isReady(this.broker)),
      START_TIMEOUT_MS,
    );
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  /** Address for the option `brokers`. */
  get broker(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /**
   * Creates topics, and waits until clients can use them.
   *
   * @param topics names with their number of partitions
   */
  async createTopics(topics: Readonly<Record<string, number>>): Promise<void> {
    const list = Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions }));
    await useAdmin(this.broker, async (admin) => {
      await admin.createTopics({ topics: list, waitForLeaders: false });
      await waitFor(async () => {
        const metadata = await admin.fetchTopicMetadata({ topics: Object.keys(topics) });
        return metadata.topics.every(({ partitions }) => partitions.every((p) => p.leader >= 0));
      }, START_TIMEOUT_MS);
    });
  }

  remove(): Promise<void> {
    return this.#program.remove('SIGKILL');
  }
}

/** The client of the admin API of kafkajs. */
interface Admin {
  connect(): Promise<void>;
  describeCluster(): Promise<{ brokers: unknown[] }>;
  createTopics(options: object): Promise<boolean>;
  fetchTopicMetadata(options: object): Promise<{
    topics: { partitions: { leader: number }[] }[];
  }>;
  disconnect(): Promise<void>;
}

/** Returns whether clients can create topics. The server accepts connections before that. */
async function isReady(broker: string): Promise<boolean> {
  if (!(await canConnect(Number(broker.split(':')[1])))) return false;
  return useAdmin(broker, async (admin) => (await admin.describeCluster()).brokers.length > 0);
}

async function useAdmin<T>(broker: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const load = createRequire(resolve('test/libraries/queues-2/package.json'));
  const { Kafka } = load('kafkajs') as { Kafka: new (options: object) => { admin(): Admin } };
  const admin = new Kafka({ brokers: [broker], logLevel: 0 }).admin();
  try {
    await admin.connect();
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}
